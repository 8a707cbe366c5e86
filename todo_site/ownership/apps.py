from django.apps import AppConfig


class OwnershipConfig(AppConfig):
    name = "todo_site.ownership"

    def ready(self) -> None:
        from . import checks  # noqa: F401, PLC0415  registers them, which needs the models
