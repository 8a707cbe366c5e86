from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

type GetResponse = Callable[[HttpRequest], HttpResponseBase]
