from django.urls import path

from . import views

app_name = "tasks"

urlpatterns = [
    path("", views.task_list, name="list"),
    path("tasks/new/", views.new_task, name="new"),
    path("tasks/<uuid:task_id>/", views.task_detail, name="detail"),
    path("tasks/<uuid:task_id>/edit/", views.edit_task, name="edit"),
    path("tasks/<uuid:task_id>/status/", views.set_status, name="status"),
    path("tasks/<uuid:task_id>/delete/", views.delete_task, name="delete"),
]
