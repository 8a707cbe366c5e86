"""Django as it is usually written: models, its own templates with url and date, a Paginator, a page of forms."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone

SECRET = os.environ["BETTER_AUTH_SECRET"]
settings.configure(
    SECRET_KEY="only-for-the-benchmark",
    BETTER_AUTH_SECRET=SECRET,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [Path(__file__).parent / "templates"],
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": parse_qs(urlsplit(os.environ["DATABASE_URL"]).query)["host"][0],
            "CONN_MAX_AGE": 300,
        }
    },
)
django.setup()

from todo_site.better_auth import cookies  # noqa: E402


class User(models.Model):  # noqa: DJ008
    id = models.TextField(primary_key=True)
    name = models.TextField()

    class Meta:
        app_label, db_table, managed = "usual", "user", False


class Session(models.Model):  # noqa: DJ008
    token = models.TextField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, db_column="userId")
    expires_at = models.DateTimeField(db_column="expiresAt")

    class Meta:
        app_label, db_table, managed = "usual", "session", False


class Task(models.Model):
    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE)
    title = models.CharField(max_length=255)
    description = models.TextField(null=True)  # noqa: DJ001
    status = models.CharField(max_length=16)
    created_at = models.DateTimeField()

    class Meta:
        app_label, db_table, managed = "usual", "task", False

    def __str__(self) -> str:
        return self.title


def tasks(request: HttpRequest) -> HttpResponse:
    token = cookies.unsign(request.COOKIES["better-auth.session_token"])
    session = get_object_or_404(
        Session._default_manager.select_related("user"), token=token, expires_at__gte=timezone.now()
    )
    own = Task._default_manager.filter(user=session.user)
    page = Paginator(own.filter(status="pending").order_by("-created_at", "-id"), 50).get_page(request.GET.get("page"))
    counts = dict(own.values_list("status").annotate(n=Count("id")))
    return render(request, "usual.html", {"user": session.user, "page": page, "counts": counts})


def nothing(request: HttpRequest, **arguments: Any) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("", tasks, name="list"),
    path("tasks/<uuid:task_id>/", nothing, name="detail"),
    path("tasks/<uuid:task_id>/edit/", nothing, name="edit"),
    path("tasks/<uuid:task_id>/status/", nothing, name="status"),
]
application = WSGIHandler()
