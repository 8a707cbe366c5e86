from django.contrib import admin
from django.urls import include, path, reverse_lazy
from django.utils.translation import gettext_lazy as _

from . import account_deletion
from .operations import health, metrics
from .web import csp_report, manifest

handler400 = "todo_site.web.error_views.bad_request"
handler403 = "todo_site.web.error_views.forbidden"
handler404 = "todo_site.web.error_views.not_found"
handler500 = "todo_site.web.error_views.server_error"

TASK_LIST, NEW_TASK = reverse_lazy("tasks:list"), reverse_lazy("tasks:new")
PENDING_TASKS = reverse_lazy("tasks:list", query={"status": "pending"})
MANIFEST = {
    "start_url": TASK_LIST,
    "share_url": NEW_TASK,
    "shortcuts": [(_("New task"), NEW_TASK), (_("Pending"), PENDING_TASKS)],
}

urlpatterns = [
    path("", include("tasks.urls")),
    path("", include("todo_site.better_auth.urls")),
    path("settings/data/", account_deletion.your_data, name="data"),
    path("settings/data/erase-tasks/", account_deletion.erase_tasks, name="erase-tasks"),
    path("settings/data/delete-account/", account_deletion.delete_account, name="delete-account"),
    path("settings/data/receipt/", account_deletion.receipt, name="receipt"),
    path("admin/", admin.site.urls),
    path("csp-report", csp_report.report, name="csp-report"),
    path("manifest.webmanifest", manifest.manifest, MANIFEST, name="manifest"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
