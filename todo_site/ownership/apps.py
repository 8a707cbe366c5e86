from django.apps import AppConfig


class OwnershipConfig(AppConfig):
    name = "todo_site.ownership"

    def ready(self) -> None:
        from . import checks, row_level_security  # noqa: F401, PLC0415  registers their checks, which need the models
