from django.urls import path

from .views import account, authentication, sessions

app_name = "better_auth"

urlpatterns = [
    path("sign-in/", authentication.sign_in, name="sign-in"),
    path("sign-up/", authentication.sign_up, name="sign-up"),
    path("sign-out/", authentication.sign_out, name="sign-out"),
    path("settings/", account.account, name="account"),
    path("settings/password/", account.change_password, name="change-password"),
    path("settings/sessions/", sessions.session_list, name="sessions"),
    path("settings/sessions/revoke/", sessions.revoke_sessions, name="revoke-sessions"),
]
