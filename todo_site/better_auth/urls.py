from django.urls import path

from . import views

app_name = "better_auth"

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-up/", views.sign_up, name="sign-up"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("settings/", views.account, name="account"),
    path("settings/password/", views.change_password, name="change-password"),
    path("settings/sessions/", views.session_list, name="sessions"),
    path("settings/sessions/revoke/", views.revoke_sessions, name="revoke-sessions"),
]
