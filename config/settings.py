"""One file of settings; every value comes from the environment (docs/OPERATIONS.md lists them)."""

import os
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config import embedded
from config.env import BASE_DIR, HOME, env, mail_settings, refuse_unsafe, sign_on_origins

# Loaded with the settings, so that any process that has settings can ring a worker.
from workers.app import app as celery_app  # noqa: F401

DEBUG = env.bool("DEBUG", False)

# Read when numpy is first imported, by an application further down. The matrices of a report are
# small: threads of its linear algebra spin beside other workers, and a report takes thrice as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A command run beside `up` joins the running instance through its socket when no address is given.
_running = None if env.str("DATABASE_URL", "") else embedded.running_services(HOME)
DEMO = env.bool("THURSTONE_DEMO", _running.is_demo if _running else False)
_database_url = env.str("DATABASE_URL", _running.database_url if _running else "")
REDIS_URL = env.str("REDIS_URL", _running.redis_url if _running else "redis://127.0.0.1:6379/0")

SECRET_KEY = env.str("SECRET_KEY", _running.secret_key if _running else "")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
FIELD_ENCRYPTION_KEYS = env.list(
    "FIELD_ENCRYPTION_KEYS", _running.field_encryption_keys if _running else []
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
BASE_URL = env.str("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
EGRESS_ALLOW: list[str] = env.list("EGRESS_ALLOW", [])
refuse_unsafe(
    debug=DEBUG,
    secret_key=SECRET_KEY,
    hosts=ALLOWED_HOSTS,
    base_url=BASE_URL,
    database_url=_database_url,
)
if DEBUG and not SECRET_KEY:
    SECRET_KEY = "debug-only-" + "x" * 40

_HTTPS = BASE_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [BASE_URL])
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_NAME = "__Host-session" if _HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if _HTTPS else "csrftoken"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = env.int("SESSION_SECONDS", 14 * 24 * 3600)
SECURE_HSTS_SECONDS = 63_072_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_htmx",
    "template_partials",
    "pgtrigger",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "labeling",
]
MIDDLEWARE = [
    "labeling.web.origin.OriginMiddleware",
    "labeling.web.security.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "labeling.web.pages_only.GZipMiddleware",
    "labeling.web.pages_only.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "labeling.web.pages_only.CsrfViewMiddleware",
    "labeling.web.pages_only.AuthenticationMiddleware",
    "labeling.web.entry.ParticipantMiddleware",
    "labeling.web.pages_only.LocaleMiddleware",
    "labeling.web.pages_only.MessageMiddleware",
    "labeling.web.pages_only.HtmxMiddleware",
    # It asks nothing of the database, and is wanted by this name.
    "allauth.account.middleware.AccountMiddleware",
    "labeling.web.errors.LabelingErrorMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "labeling.web.context.product",
            ]
        },
    }
]

if not _database_url:
    # A command that needs no database (collectstatic, makemigrations) may run; a query says this.
    _database_url = "postgres://thurstone-is-not-running.invalid/none"
try:
    DATABASES: dict[str, Any] = {
        "default": dict(
            dj_database_url.parse(
                _database_url, "config.postgres", conn_max_age=600, conn_health_checks=True
            )
        )
    }
except Exception as error:
    raise ImproperlyConfigured(
        "DATABASE_URL cannot be read; it looks like postgres://user:password@host:5432/name"
    ) from error
DATABASES["default"]["OPTIONS"] = {
    # Prepared statements with generic plans: planning costs more than running a claim.
    "prepare_threshold": 2,
    "server_side_binding": True,
    "options": "-c plan_cache_mode=force_generic_plan -c idle_in_transaction_session_timeout=60s",
    "connect_timeout": 10,
    **DATABASES["default"].get("OPTIONS", {}),
}
DATABASES["default"]["TEST"] = {"SERIALIZE": False}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "labeling.web.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "thurstone",
        # A cache that hangs is a miss, too, and no request waits long for it.
        "OPTIONS": {"socket_timeout": 1.0, "socket_connect_timeout": 1.0},
    }
}

AUTH_USER_MODEL = "labeling.User"
AUTHENTICATION_BACKENDS = ["labeling.web.sessions.Backend"]
SESSION_ENGINE = "labeling.web.sessions"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
PASSWORD_RESET_TIMEOUT = 24 * 3600

ACCOUNT_ADAPTER = "labeling.web.sign_in.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if _HTTPS else "http"
# A whole office may come from one address; a name is guessed at a few times.
ACCOUNT_RATE_LIMITS = {"login": "120/m/ip", "login_failed": "20/m/ip,5/5m/key"}
# As many of the addresses in X-Forwarded-For, from the right, as were written by our own proxy.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if SECURE_PROXY_SSL_HEADER else 0
MFA_ADAPTER = "labeling.web.sign_in.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_ISSUER = "Thurstone"
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _HTTPS
SOCIALACCOUNT_ADAPTER = "labeling.web.single_sign_on.SocialAdapter"
SOCIALACCOUNT_ONLY = False
OIDC_ISSUER = env.str("OIDC_ISSUER", "")
OIDC_NAME = env.str("OIDC_NAME", "Single sign-on")
OIDC_ORIGINS = sign_on_origins(OIDC_ISSUER, env.list("OIDC_ORIGINS", []))
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "sso",
                "name": OIDC_NAME,
                "client_id": env.str("OIDC_CLIENT_ID", ""),
                "secret": env.str("OIDC_CLIENT_SECRET", ""),
                "settings": {"server_url": OIDC_ISSUER},
            }
        ]
        if OIDC_ISSUER
        else [],
    }
}
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
# Named in their own words. Raters' pages have all of them; managers' and the API have English.
LANGUAGES = [
    ("en", "English"),
    ("es", "Español"),
    ("fr", "Français"),
    ("hi", "हिन्दी"),
    ("ar", "العربية"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", str(BASE_DIR / "staticfiles"))
STATICFILES_FINDERS = ["config.static.UsedFilesFinder", "config.static.JoinedFilesFinder"]
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("gif", "jpg", "map", "png", "webp", "woff", "woff2")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
_storage_url = env.str("STORAGE_URL", f"file://{HOME / 'files'}")
if not _storage_url.startswith("file://"):
    raise ImproperlyConfigured("STORAGE_URL: only file:///a/folder is understood by this version.")
MEDIA_ROOT = _storage_url.removeprefix("file://")
# Uploads go to disk, not memory, and the size of a form field is bounded.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", 8 * 1024**3)
IMPORT_MAX_LINE_BYTES = env.int("IMPORT_MAX_LINE_BYTES", 16 * 1024**2)

_mail = mail_settings()
SENDS_MAIL = _mail.backend != "dummy"
EMAIL_BACKEND = f"django.core.mail.backends.{_mail.backend}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.is_tls, _mail.is_ssl
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "thurstone@localhost")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.HasScope"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.negotiation.PlainNegotiation",
    "DEFAULT_PAGINATION_CLASS": "api.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["api.filters.AllowListedFilters"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "DATETIME_FORMAT": "iso-8601",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Thurstone",
    "DESCRIPTION": "Pairwise preference labeling: campaigns, comparisons, judgments, datasets.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "workers.generation.*": {"queue": "llm"},
    "workers.judges.*": {"queue": "llm"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A bell is tried once: without `max_retries` each would hold its request for six seconds while the
# broker is away, and the sweep rings again anyway. Workers reconnect by a rule of their own.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "max_retries": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},
    },
}
