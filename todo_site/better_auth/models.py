"""Better Auth's tables, and the table of the staff.

The first four must stay as the server creates them: an unknown NOT NULL column makes it reject every request. The
server and this site can read each other's rows.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from .fields import IdField
from .passwords import hash_password


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())

    def create_user(self, email: str, password: str, name: str) -> User:
        """Create a user with a password, like the server's sign-up. Raise IntegrityError for a known e-mail address."""
        hashed = hash_password(password)
        now = timezone.now()
        times = {"created_at": now, "updated_at": now}
        new_id: Any = self.model._meta.get_field("id")
        with transaction.atomic():
            user = self.create(id=new_id.generate(), email=email.lower(), name=name, email_verified=False, **times)
            Account.objects.create(
                id=new_id.generate(), user=user, account_id=user.id, provider_id="credential", password=hashed, **times
            )
        return user

    def create_superuser(self, email: str, password: str, name: str) -> User:
        with transaction.atomic():
            user = self.create_user(email, password, name)
            Staff.objects.create(user=user)
        return user


class User(AbstractBaseUser):
    # AbstractBaseUser has these columns, Better Auth's table does not.
    password = None  # type: ignore[assignment]
    last_login = None

    id = IdField(primary_key=True)
    name = models.TextField(_("name"))
    email = models.TextField(_("e-mail address"), unique=True)
    email_verified = models.BooleanField(_("e-mail verified"), db_column="emailVerified")
    image = models.TextField(_("image"), null=True, blank=True)  # noqa: DJ001  Better Auth's column
    created_at = models.DateTimeField(_("created"), db_column="createdAt", db_default=Now())
    updated_at = models.DateTimeField(_("changed"), db_column="updatedAt", db_default=Now())

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    # The session of the request. Only sessions.find_user_by_token() sets it.
    session: Session | None = None

    class Meta:
        db_table = "user"
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.email

    @cached_property
    def is_staff(self) -> bool:
        return Staff.objects.filter(user=self).exists()

    def has_usable_password(self) -> bool:
        """Return False: django.contrib.auth cannot change the passwords of Better Auth's accounts."""
        return False

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return self.is_staff

    def has_perms(self, perm_list: Any, obj: Any = None) -> bool:
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff


class SessionQuerySet(models.QuerySet["Session"]):
    def live(self) -> SessionQuerySet:
        return self.filter(expires_at__gte=timezone.now())


class Session(models.Model):
    id = IdField(primary_key=True)
    expires_at = models.DateTimeField(db_column="expiresAt")
    token = models.TextField(unique=True)
    created_at = models.DateTimeField(db_column="createdAt", db_default=Now())
    updated_at = models.DateTimeField(db_column="updatedAt")
    ip_address = models.TextField(db_column="ipAddress", null=True)  # noqa: DJ001  Better Auth's column
    user_agent = models.TextField(db_column="userAgent", null=True)  # noqa: DJ001  Better Auth's column
    user = models.ForeignKey(User, models.DB_CASCADE, db_column="userId", related_name="sessions", db_index=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        db_table = "session"
        indexes = [models.Index(fields=["user"], name="session_userId_idx")]

    def __str__(self) -> str:
        return self.id


class Account(models.Model):
    """A way to sign in. For a password, provider_id is "credential" and account_id is the user's id."""

    id = IdField(primary_key=True)
    account_id = models.TextField(db_column="accountId")
    provider_id = models.TextField(db_column="providerId")
    user = models.ForeignKey(User, models.DB_CASCADE, db_column="userId", related_name="accounts", db_index=False)
    access_token = models.TextField(db_column="accessToken", null=True)  # noqa: DJ001  Better Auth's column
    refresh_token = models.TextField(db_column="refreshToken", null=True)  # noqa: DJ001  Better Auth's column
    id_token = models.TextField(db_column="idToken", null=True)  # noqa: DJ001  Better Auth's column
    access_token_expires_at = models.DateTimeField(db_column="accessTokenExpiresAt", null=True)
    refresh_token_expires_at = models.DateTimeField(db_column="refreshTokenExpiresAt", null=True)
    scope = models.TextField(null=True)  # noqa: DJ001  Better Auth's column
    password = models.TextField(null=True)  # noqa: DJ001  Better Auth's column
    created_at = models.DateTimeField(db_column="createdAt", db_default=Now())
    updated_at = models.DateTimeField(db_column="updatedAt")

    class Meta:
        db_table = "account"
        indexes = [models.Index(fields=["user"], name="account_userId_idx")]

    def __str__(self) -> str:
        return self.id


class Verification(models.Model):
    id = IdField(primary_key=True)
    identifier = models.TextField()
    value = models.TextField()
    expires_at = models.DateTimeField(db_column="expiresAt")
    created_at = models.DateTimeField(db_column="createdAt", db_default=Now())
    updated_at = models.DateTimeField(db_column="updatedAt", db_default=Now())

    class Meta:
        db_table = "verification"
        indexes = [models.Index(fields=["identifier"], name="verification_identifier_idx")]

    def __str__(self) -> str:
        return self.id


class Staff(models.Model):
    """A user who may use the admin. Better Auth does not know this table."""

    user = models.OneToOneField(User, models.DB_CASCADE, primary_key=True, related_name="+")
    added_at = models.DateTimeField(_("added"), db_default=Now())

    class Meta:
        db_table = "staff"
        verbose_name = _("staff member")
        verbose_name_plural = _("staff")

    def __str__(self) -> str:
        return self.user_id
