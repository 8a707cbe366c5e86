import os

from django.core.wsgi import get_wsgi_application

from .wsgi_guard import RequestGuard

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "todo_site.settings")
application = RequestGuard(get_wsgi_application())
