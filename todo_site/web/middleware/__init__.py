from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

type GetResponse = Callable[[HttpRequest], HttpResponseBase]

UNSUPPORTED_CONTENT_TYPE = "todo.unsupported_content_type"  # key in the WSGI environ, set by todo_site.wsgi_guard
