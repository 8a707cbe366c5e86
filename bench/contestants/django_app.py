"""Django as it is usually written: models, model forms, Paginator, Django's templates, a form in each row.

It has no journal. It serves the list without filters and the writes that the load sends, and no other page.
"""

from __future__ import annotations

import uuid

import django
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

from bench.contestants.shared import SESSION_COOKIE, TEMPLATES, socket_folder, unsign

CONNECTION = {"NAME": "postgres", "USER": "peer", "HOST": socket_folder(), "CONN_MAX_AGE": 300}
settings.configure(
    SECRET_KEY="only-for-the-benchmark",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
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
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **CONNECTION}},
)
django.setup()


class User(models.Model):  # noqa: DJ008
    id = models.TextField(primary_key=True)
    name = models.TextField()
    email = models.TextField()

    class Meta:
        app_label, db_table, managed = "django_app", "user", False


class Session(models.Model):  # noqa: DJ008
    token = models.TextField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, db_column="userId")
    expires_at = models.DateTimeField(db_column="expiresAt")

    class Meta:
        app_label, db_table, managed = "django_app", "session", False


class Task(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE)
    title = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)  # noqa: DJ001
    status = models.CharField(
        max_length=16, choices={"pending": "Pending", "completed": "Completed"}, default="pending"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label, db_table, managed = "django_app", "task", False

    def __str__(self) -> str:
        return self.title


NewTaskForm = forms.modelform_factory(Task, fields=["title", "description"])
TaskForm = forms.modelform_factory(Task, fields=["title", "description", "status"])
StatusForm = forms.modelform_factory(Task, fields=["status"])


def current_user(request: HttpRequest) -> User:
    live = Session._default_manager.select_related("user").filter(expires_at__gte=timezone.now())
    user: User = get_object_or_404(live, token=unsign(request.COOKIES.get(SESSION_COOKIE, ""))).user
    return user


def task_list(request: HttpRequest) -> HttpResponse:
    user = current_user(request)
    own = Task._default_manager.filter(user=user)
    page = Paginator(own.filter(status="pending").order_by("-created_at", "-id"), 50).get_page(request.GET.get("page"))
    counts = dict(own.values_list("status").annotate(n=Count("id")))
    counts = {"pending": 0, "completed": 0, "all": sum(counts.values()), **counts}
    return render(request, "django.html", {"user": user, "page": page, "counts": counts})


@require_POST
def new(request: HttpRequest) -> HttpResponse:
    return save(NewTaskForm(request.POST, instance=Task(user=current_user(request))))


@require_POST
def change(request: HttpRequest, task_id: uuid.UUID, form: type[forms.ModelForm[Task]]) -> HttpResponse:
    return save(form(request.POST, instance=get_object_or_404(Task, pk=task_id, user=current_user(request))))


@require_POST
def delete(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    get_object_or_404(Task, pk=task_id, user=current_user(request)).delete()
    return redirect("list")


def save(form: forms.ModelForm[Task]) -> HttpResponse:
    if not form.is_valid():
        return HttpResponse(form.errors.as_text(), status=422)
    form.save()
    return redirect("list")


def detail(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("", task_list, name="list"),
    path("tasks/new/", new, name="new"),
    path("tasks/<uuid:task_id>/", detail, name="detail"),
    path("tasks/<uuid:task_id>/edit/", change, {"form": TaskForm}, name="edit"),
    path("tasks/<uuid:task_id>/delete/", delete, name="delete"),
    path("tasks/<uuid:task_id>/status/", change, {"form": StatusForm}, name="status"),
]
application = WSGIHandler()
