from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BetterAuthConfig(AppConfig):
    name = "todo_site.better_auth"
    label = "better_auth"
    verbose_name = _("Accounts")
