from django.urls import path

from todo_site.preferences import views as preferences

from . import views
from .transfer import views as transfer

app_name = "tasks"

urlpatterns = [
    path("", views.task_list, name="list"),
    path("tasks/new/", views.new_task, name="new"),
    path("tasks/<uuid:task_id>/", views.task_detail, name="detail"),
    path("tasks/<uuid:task_id>/edit/", views.edit_task, name="edit"),
    path("tasks/<uuid:task_id>/status/", views.set_status, name="status"),
    path("tasks/<uuid:task_id>/delete/", views.delete_task, name="delete"),
    path("tasks/bulk/", views.bulk_update, name="bulk"),
    path("undo/<uuid:entry_id>/", views.undo, name="undo"),
    path("trash/", views.trash, name="trash"),
    path("trash/<uuid:task_id>/restore/", views.restore, name="restore"),
    path("history/", views.history, name="history"),
    path("settings/display/", preferences.preferences, name="preferences"),
    path("settings/time-zone/", preferences.time_zone, name="time-zone"),
    path("tasks/paste/", transfer.paste, name="paste"),
    path("export/tasks.json", transfer.export_json, name="export-json"),
    path("export/tasks.csv", transfer.export_csv, name="export-csv"),
    path("import/", transfer.upload_file, name="import"),
    path("import/discard/", transfer.discard_upload, name="import-discard"),
    path("import/<uuid:upload_id>/", transfer.import_tasks, name="import-file"),
]
