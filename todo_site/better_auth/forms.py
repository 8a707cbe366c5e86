from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.validators import EmailValidator, MaxLengthValidator
from django.utils.translation import gettext_lazy as _

# Better Auth rejects domains without a dot, such as localhost, and addresses that are not ASCII.
EMAIL_VALIDATOR = EmailValidator(allowlist=[])


class EmailField(forms.CharField):
    """An e-mail address in lower case, as Better Auth stores it."""

    default_validators = [EMAIL_VALIDATOR, MaxLengthValidator(254)]
    widget = forms.EmailInput

    def clean(self, value: str) -> str:
        cleaned: str = super().clean(value)
        if not cleaned.isascii():  # before lower(), which turns the Kelvin sign into ASCII
            raise forms.ValidationError(EMAIL_VALIDATOR.message, code="invalid")
        return cleaned.lower()


class SignInForm(forms.Form):
    email = EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    remember_me = forms.BooleanField(label=_("Keep me signed in"), required=False, initial=True)


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        validators=[MaxLengthValidator(100)],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class SignUpForm(NameForm):
    email = EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        validators=[validate_password],
        help_text=_("8 to 128 characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class PasswordForm(forms.Form):
    current_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        validators=[validate_password],
        help_text=_("8 to 128 characters. You will be signed out on all other devices."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ConfirmForm(forms.Form):
    """A confirmation of an action that cannot be undone, with the password if the account has one."""

    sure = forms.BooleanField(
        label=_("I understand that this cannot be undone"),
        error_messages={"required": _("Tick the box to confirm.")},
    )
    current_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, has_password: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_password:
            del self.fields["current_password"]

    def clean(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "sure"}
