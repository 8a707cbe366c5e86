import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import todo_site.better_auth.fields
from todo_site.better_auth.operations import CreateModelIfMissing


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        CreateModelIfMissing(
            name="User",
            fields=[
                (
                    "id",
                    todo_site.better_auth.fields.IdField(primary_key=True, serialize=False),
                ),
                ("name", models.TextField(verbose_name="name")),
                ("email", models.TextField(unique=True, verbose_name="e-mail address")),
                (
                    "email_verified",
                    models.BooleanField(db_column="emailVerified", verbose_name="e-mail verified"),
                ),
                (
                    "image",
                    models.TextField(blank=True, null=True, verbose_name="image"),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_column="createdAt",
                        db_default=django.db.models.functions.datetime.Now(),
                        verbose_name="created",
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_column="updatedAt",
                        db_default=django.db.models.functions.datetime.Now(),
                        verbose_name="changed",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "db_table": "user",
            },
        ),
        migrations.CreateModel(
            name="RateLimit",
            fields=[
                ("key", models.TextField(primary_key=True, serialize=False)),
                ("count", models.IntegerField()),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "db_table": "rate_limit",
            },
        ),
        migrations.CreateModel(
            name="Staff",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "added_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        verbose_name="added",
                    ),
                ),
            ],
            options={
                "verbose_name": "staff member",
                "verbose_name_plural": "staff",
                "db_table": "staff",
            },
        ),
        CreateModelIfMissing(
            name="Verification",
            fields=[
                (
                    "id",
                    todo_site.better_auth.fields.IdField(primary_key=True, serialize=False),
                ),
                ("identifier", models.TextField()),
                ("value", models.TextField()),
                ("expires_at", models.DateTimeField(db_column="expiresAt")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_column="createdAt",
                        db_default=django.db.models.functions.datetime.Now(),
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_column="updatedAt",
                        db_default=django.db.models.functions.datetime.Now(),
                    ),
                ),
            ],
            options={
                "db_table": "verification",
                "indexes": [models.Index(fields=["identifier"], name="verification_identifier_idx")],
            },
        ),
        CreateModelIfMissing(
            name="Account",
            fields=[
                (
                    "id",
                    todo_site.better_auth.fields.IdField(primary_key=True, serialize=False),
                ),
                ("account_id", models.TextField(db_column="accountId")),
                ("provider_id", models.TextField(db_column="providerId")),
                ("access_token", models.TextField(db_column="accessToken", null=True)),
                (
                    "refresh_token",
                    models.TextField(db_column="refreshToken", null=True),
                ),
                ("id_token", models.TextField(db_column="idToken", null=True)),
                (
                    "access_token_expires_at",
                    models.DateTimeField(db_column="accessTokenExpiresAt", null=True),
                ),
                (
                    "refresh_token_expires_at",
                    models.DateTimeField(db_column="refreshTokenExpiresAt", null=True),
                ),
                ("scope", models.TextField(null=True)),
                ("password", models.TextField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_column="createdAt",
                        db_default=django.db.models.functions.datetime.Now(),
                    ),
                ),
                ("updated_at", models.DateTimeField(db_column="updatedAt")),
                (
                    "user",
                    models.ForeignKey(
                        db_column="userId",
                        db_index=False,
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="accounts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "account",
                "indexes": [models.Index(fields=["user"], name="account_userId_idx")],
            },
        ),
        CreateModelIfMissing(
            name="Session",
            fields=[
                (
                    "id",
                    todo_site.better_auth.fields.IdField(primary_key=True, serialize=False),
                ),
                ("expires_at", models.DateTimeField(db_column="expiresAt")),
                ("token", models.TextField(unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_column="createdAt",
                        db_default=django.db.models.functions.datetime.Now(),
                    ),
                ),
                ("updated_at", models.DateTimeField(db_column="updatedAt")),
                ("ip_address", models.TextField(db_column="ipAddress", null=True)),
                ("user_agent", models.TextField(db_column="userAgent", null=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_column="userId",
                        db_index=False,
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "session",
                "indexes": [models.Index(fields=["user"], name="session_userId_idx")],
            },
        ),
    ]
