"""Settings, read from the environment. ``.env.example`` describes each variable."""

import sys
from pathlib import Path
from typing import Any

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from . import env

django_stubs_ext.monkeypatch()  # ModelForm[Task] and the like need it at run time

BASE_DIR = Path(__file__).resolve().parent.parent

# Environment

env.env.read_env(BASE_DIR / ".env")
DEBUG = env.boolean("DEBUG", default=False)
if not env.text("SECRET_KEY", "") and (DEBUG or env.is_embedded()):
    env.make_env_file(BASE_DIR / ".env", BASE_DIR / ".env.example")
    env.env.read_env(BASE_DIR / ".env")

SECRET_KEY = env.required("SECRET_KEY")
ALLOWED_HOSTS = env.comma_list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0, min_value=0, max_value=9)
RATE_LIMITS = env.boolean("RATE_LIMITS", default=True)
METRICS_TOKEN = env.text("METRICS_TOKEN", "")

BETTER_AUTH_URL = env.origin("BETTER_AUTH_URL")
BETTER_AUTH_SECRET = env.text("BETTER_AUTH_SECRET", SECRET_KEY)
BETTER_AUTH_COOKIE_PREFIX = env.text("BETTER_AUTH_COOKIE_PREFIX", "better-auth")
BETTER_AUTH_COOKIE_DOMAIN = env.text("BETTER_AUTH_COOKIE_DOMAIN", "")

# Application

ROOT_URLCONF = "todo_site.urls"
WSGI_APPLICATION = "todo_site.wsgi.application"
TEST_RUNNER = "todo_site.test_runner.PytestRunner"

INSTALLED_APPS = [
    "todo_site",
    "todo_site.operations",
    "todo_site.better_auth",
    "tasks",
    "todo_site.preferences",
    "todo_site.journal",
    "todo_site.ownership",
    "todo_site.web",
    "todo_site.apps.TodoAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "todo_site.web.middleware.request_id.RequestIdMiddleware",
    "todo_site.operations.middleware.AccessLogMiddleware",
    "todo_site.web.server_timing.ServerTimingMiddleware",
    "todo_site.web.database_errors.DatabaseErrorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "todo_site.web.middleware.security_headers.SecurityHeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "todo_site.web.compression.CompressionMiddleware",
    "todo_site.web.middleware.page_headers.PageHeadersMiddleware",
    "todo_site.preferences.middleware.PreferencesMiddleware",
    "todo_site.web.middleware.request_checks.RequestChecksMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "todo_site.better_auth.middleware.BetterAuthMiddleware",
    "todo_site.better_auth.middleware.SignInRequiredMiddleware",
    "todo_site.web.rate_limits.RateLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "todo_site.ownership.middleware.RowLevelSecurityMiddleware",  # last: it calls the view
]

TEMPLATES = [
    {
        "NAME": "jinja2",
        "BACKEND": "todo_site.web.templates.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "environment": "todo_site.web.templates.environment",
            "context_processors": [
                "todo_site.web.templates.context_processor",
                "todo_site.preferences.context_processors.preferences",
            ],
        },
    },
    {  # for the admin
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.Jinja2"

# Database


def add_database_options(database: dict[str, Any]) -> dict[str, Any]:
    """Add the options that serve concurrent requests."""
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["ENGINE"] = "todo_site.web.database.sqlite3"
        if database["NAME"] != ":memory:":
            database["NAME"] = str(BASE_DIR / database["NAME"])
        # WAL lets readers and one writer work at once. IMMEDIATE takes the write lock at BEGIN, where SQLite waits for
        # the timeout. A lock that is needed later in the transaction fails at once.
        database["OPTIONS"] = {
            "timeout": 10,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL",
        }
    else:
        database["ENGINE"] = "todo_site.web.database.postgresql"
        database["DISABLE_SERVER_SIDE_CURSORS"] = True  # not available through a pooler in transaction mode
        options = database.setdefault("OPTIONS", {})
        options.setdefault("connect_timeout", 10)  # seconds; a suspended database needs some to start
        options.setdefault("application_name", "todo")
        if env.boolean("DB_PREPARED_STATEMENTS", default=False):
            options["server_side_binding"] = True
            options["prepare_threshold"] = 2  # a statement is prepared when a connection sends it for the third time
        if pool := pool_options():
            options["pool"] = pool
        else:
            # Each thread keeps a connection. todo_site.web.database_errors repeats a request that finds it broken.
            database["CONN_MAX_AGE"] = 300
    return database


def pool_options() -> dict[str, int]:
    """Return the options of the connection pool of a process; {} if each thread keeps a connection."""
    max_size = env.integer("DB_POOL_MAX_SIZE", 0, min_value=0, max_value=100)
    min_size = env.integer("DB_POOL_MIN_SIZE", 0, min_value=0, max_value=100)
    if min_size > max_size:
        raise ImproperlyConfigured("DB_POOL_MIN_SIZE must be at most DB_POOL_MAX_SIZE.")
    # Seconds. A pool that gave up reconnecting tries again for the next request: after an outage, none waits for long.
    limits = {"timeout": 3, "reconnect_timeout": 3}
    return {"min_size": min_size, "max_size": max_size, **limits} if max_size else {}


# Migrations and maintenance bypass the pooler, if there is one.
is_maintenance = sys.argv[1:2] in (["migrate"], ["legacy_tasks"], ["adoption"]) and bool(
    env.text("DATABASE_URL_UNPOOLED", "")
)
database_url = "DATABASE_URL_UNPOOLED" if is_maintenance else "DATABASE_URL"
DATABASES = {"default": add_database_options(env.database(database_url, "sqlite:///db.sqlite3"))}

ROW_LEVEL_SECURITY = env.boolean("ROW_LEVEL_SECURITY", default=True)
DB_STATEMENT_TIMEOUT = env.integer("DB_STATEMENT_TIMEOUT", 5, min_value=0, max_value=3600)
DB_LOCK_TIMEOUT = env.integer("DB_LOCK_TIMEOUT", 2, min_value=0, max_value=3600)

# Authentication

AUTH_USER_MODEL = "better_auth.User"
AUTHENTICATION_BACKENDS: list[str] = []  # todo_site.better_auth checks passwords, not django.contrib.auth
AUTH_PASSWORD_VALIDATORS = [{"NAME": "todo_site.better_auth.passwords.LengthValidator"}]
LOGIN_URL = "better_auth:sign-in"
LOGIN_REDIRECT_URL = "tasks:list"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# Security

HTTPS = any(origin.startswith("https://") for origin in CSRF_TRUSTED_ORIGINS)
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # requested by local monitoring, without TLS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "todo_site.web.error_views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "report-uri": ["/csp-report"],
}

# Limits of a request; the response to a larger one is 413. In bytes: the body with its files, and without them.

REQUEST_MAX_BYTES = 20 * 2**20
DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # not translated: each language under its own name
LOCALE_PATHS = [BASE_DIR / "todo_site" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
PREFERENCES_COOKIE_NAME = "todo_preferences"

# Static files

STATIC_URL = "static/"
STATIC_ROOT = env.text("STATIC_ROOT", str(BASE_DIR / "build" / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_ROOT = BASE_DIR / "static" / "root"  # files at the root of the site: favicon.ico, robots.txt
WHITENOISE_MAX_AGE = 86_400
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}

# Logging

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"default": {"()": "todo_site.operations.log_formatter.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "default"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "psycopg.pool": {"level": "WARNING"},  # INFO has several lines for each request
    },
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
