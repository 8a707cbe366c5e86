"""Django as it is usually written: models, its own templates with url and date, a Paginator, a page of forms.

No journal. Of the pages it has the list alone, as it is without a question: the load asks for nothing else.
"""

from __future__ import annotations

import uuid
from typing import Any

import django
import django_stubs_ext
from django import forms
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST

from bench.contestants.shared import COOKIE, SOCKETS, TEMPLATES, token_in

django_stubs_ext.monkeypatch()  # makes ModelForm[Task] mean something at run time too
settings.configure(
    SECRET_KEY="only-for-the-benchmark",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    TIME_ZONE="UTC",
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
            "DIRS": [TEMPLATES],
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": SOCKETS,
            "CONN_MAX_AGE": 300,
        }
    },
)
django.setup()


class User(models.Model):  # noqa: DJ008
    id = models.TextField(primary_key=True)
    name = models.TextField()
    email = models.TextField()

    class Meta:
        app_label, db_table, managed = "usual", "user", False


class Session(models.Model):  # noqa: DJ008
    token = models.TextField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, db_column="userId")
    expires_at = models.DateTimeField(db_column="expiresAt")

    class Meta:
        app_label, db_table, managed = "usual", "session", False


class Task(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending"
        COMPLETED = "completed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE)
    title = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)  # noqa: DJ001
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label, db_table, managed = "usual", "task", False

    def __str__(self) -> str:
        return self.title


class NewTaskForm(forms.ModelForm[Task]):
    class Meta:
        model = Task
        fields = ["title", "description"]


class TaskForm(forms.ModelForm[Task]):
    class Meta:
        model = Task
        fields = ["title", "description", "status"]


class StatusForm(forms.ModelForm[Task]):
    class Meta:
        model = Task
        fields = ["status"]


def asking(request: HttpRequest) -> User:
    live = Session._default_manager.select_related("user").filter(expires_at__gte=timezone.now())
    user: User = get_object_or_404(live, token=token_in(request.COOKIES.get(COOKIE, ""))).user
    return user


def tasks(request: HttpRequest) -> HttpResponse:
    user = asking(request)
    own = Task._default_manager.filter(user=user)
    page = Paginator(own.filter(status="pending").order_by("-created_at", "-id"), 50).get_page(request.GET.get("page"))
    counts = dict(own.values_list("status").annotate(n=Count("id")))
    counts = {"pending": 0, "completed": 0, "all": sum(counts.values()), **counts}
    return render(request, "django.html", {"user": user, "page": page, "counts": counts})


@require_POST
def new(request: HttpRequest) -> HttpResponse:
    form = NewTaskForm(request.POST, instance=Task(user=asking(request)))
    return saved(form)


@require_POST
def edit(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    return saved(TaskForm(request.POST, instance=get_object_or_404(Task, pk=task_id, user=asking(request))))


@require_POST
def status(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    return saved(StatusForm(request.POST, instance=get_object_or_404(Task, pk=task_id, user=asking(request))))


def saved(form: forms.ModelForm[Task]) -> HttpResponse:
    if not form.is_valid():
        return HttpResponse(form.errors.as_text(), status=422)
    form.save()
    return redirect("list")


def nothing(request: HttpRequest, **arguments: Any) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("", tasks, name="list"),
    path("tasks/new/", new, name="new"),
    path("tasks/<uuid:task_id>/", nothing, name="detail"),
    path("tasks/<uuid:task_id>/edit/", edit, name="edit"),
    path("tasks/<uuid:task_id>/status/", status, name="status"),
]
application = WSGIHandler()
