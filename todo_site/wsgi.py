import os

from django.core.wsgi import get_wsgi_application

from .web.wsgi_guard import Edge

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "todo_site.settings")
application = Edge(get_wsgi_application())
