"""All settings, read from the environment; every missing or wrong variable is named at once, in one error."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from environs import Env, EnvError, EnvValidationError, validate

from innopaas import logs
from wallet.kill_points import POINTS

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env(eager=False)  # errors are gathered and told together by env.seal() below
SECRET_KEY: str = env.str("SECRET_KEY", validate=validate.Length(min=50))
_DATA_KEYS: str = env.str("DATA_KEYS", validate=validate.Regexp(r"^[0-9a-f]{64}(,[0-9a-f]{64})*$"))
DEBUG: bool = env.bool("DEBUG", False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
_DATABASE: Any = env.dj_db_url("DATABASE_URL")
_HAS_OWNER = bool(env.str("DATABASE_OWNER_URL", ""))
_DATABASE_OWNER: Any = env.dj_db_url("DATABASE_OWNER_URL") if _HAS_OWNER else None
_HAS_REPLICA = bool(env.str("DATABASE_REPLICA_URL", ""))
_DATABASE_REPLICA: Any = env.dj_db_url("DATABASE_REPLICA_URL") if _HAS_REPLICA else None
REDIS_URL: str = env.str("REDIS_URL", validate=validate.URL(schemes={"redis", "rediss", "unix"}, require_tld=False))
STRIPE_SECRET_KEY: str = env.str("STRIPE_SECRET_KEY", validate=validate.Regexp(r"^(sk|rk)_(test|live)_\w+$"))
_WEBHOOK_SECRETS: str = env.str("STRIPE_WEBHOOK_SECRETS", validate=validate.Regexp(r"^whsec_[^,\s]+(,whsec_[^,\s]+)*$"))
STRIPE_API_BASE: str = env.str("STRIPE_API_BASE", "")
CALLBACK_ALLOWED_HOSTS: list[str] = env.list("CALLBACK_ALLOWED_HOSTS", [])
KILL_AT: list[str] = env.list("KILL_AT", [], validate=validate.ContainsOnly(POINTS))
_EMAIL: Any = env.dj_email_url("EMAIL_URL")
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", "InnoPaaS <no-reply@innopaas.example>")
MEDIA_ROOT: str = env.str("MEDIA_ROOT", str(BASE_DIR / ".innopaas" / "media"))
STAFF_MFA_REQUIRED: bool = env.bool("STAFF_MFA_REQUIRED", not DEBUG)
STAFF_STEP_UP_MINUTES: int = env.int("STAFF_STEP_UP_MINUTES", 30, validate=validate.Range(min=1))
BREACHED_PASSWORDS_URL: str = env.str(
    "BREACHED_PASSWORDS_URL",
    "" if DEBUG else "https://api.pwnedpasswords.com/range/",
    validate=validate.Regexp(r"^(|https://.+/|http://127\.0\.0\.1:\d+/)$"),
)
PRIVATE_HOSTS: list[str] = env.list("PRIVATE_HOSTS", [])
SESSION_DAYS: int = env.int("SESSION_DAYS", 14, validate=validate.Range(min=1, max=30))
SESSION_IDLE_MINUTES: int = env.int("SESSION_IDLE_MINUTES", 12 * 60, validate=validate.Range(min=5))
STAFF_SESSION_HOURS: int = env.int("STAFF_SESSION_HOURS", 12, validate=validate.Range(min=1, max=24))
STAFF_SESSION_IDLE_MINUTES: int = env.int("STAFF_SESSION_IDLE_MINUTES", 60, validate=validate.Range(min=5))
SUPPORT_URL: str = env.str("SUPPORT_URL", "")
SUPPORT_EMAIL: str = env.str("SUPPORT_EMAIL", "support@innopaas.example")
SITE_URL: str = env.str("SITE_URL", "http://127.0.0.1:8000" if DEBUG else "")
METRICS_TOKEN: str = env.str("METRICS_TOKEN", "")
RATES_URL: str = env.str("RATES_URL", "")
RATES_APP_ID: str = env.str("RATES_APP_ID", "")
RATES_SOURCE: str = env.str("RATES_SOURCE", "Open Exchange Rates")
SLIPS_S3_BUCKET: str = env.str("SLIPS_S3_BUCKET", "")
CLAMD_ADDRESS: str = env.str("CLAMD_ADDRESS", "", validate=validate.Regexp(r"^(|/.+|[^/]+:\d+)$"))
LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO")
MAINTENANCE: bool = env.bool("MAINTENANCE", False)
TRUSTED_PROXIES: int = env.int("TRUSTED_PROXIES", 0)

try:
    env.seal()
except (EnvError, EnvValidationError) as error:
    _lines = [f"  {name}: {' '.join(map(str, why))}" for name, why in getattr(error, "error_messages", {}).items()]
    raise ImproperlyConfigured(
        'These environment variables are missing or wrong (README, "Settings", says what each one is):\n'
        + ("\n".join(_lines) or f"  {error}")
    ) from None

if STRIPE_API_BASE and not DEBUG:
    raise ImproperlyConfigured("STRIPE_API_BASE is for the stand-in only (DEBUG=1); unset it to reach Stripe itself.")

if CALLBACK_ALLOWED_HOSTS and not DEBUG:
    raise ImproperlyConfigured(
        "CALLBACK_ALLOWED_HOSTS lets callbacks into private networks and is for a demo only (DEBUG=1); unset it."
    )

if KILL_AT and not DEBUG:
    raise ImproperlyConfigured(
        "KILL_AT ends this process where a test wants it and is for tests only (DEBUG=1); unset it."
    )

STRIPE_WEBHOOK_SECRETS = _WEBHOOK_SECRETS.split(",")  # several during a rotation
DATA_KEYS = _DATA_KEYS.split(",")  # the first encrypts, all decrypt

# --- applications -------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",  # some of allauth's pages load it
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "ninja",  # its documentation page comes from the package, not from a network
    "djmoney",
    "csp",
    "pgtrigger",
    "pghistory",
    "wallet",
    "products",
    "billing",
    "payments",
    "innopaas",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "innopaas.middleware.PrivateAnswersMiddleware",
    "innopaas.middleware.RefusingMiddleware",
    "innopaas.compression.PageCompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "innopaas.maintenance.MaintenanceMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "wallet.middleware.IdleSessionMiddleware",
    "wallet.middleware.CurrentOrganisationMiddleware",
    "wallet.middleware.ChangedRightsMiddleware",
    "wallet.middleware.DemandedFactorMiddleware",
    "innopaas.middleware.ReaderZoneMiddleware",
    "innopaas.middleware.AdminContentPolicyMiddleware",
    "innopaas.middleware.StaffSecondFactorMiddleware",
    "innopaas.middleware.StaffHistoryMiddleware",
    "innopaas.middleware.SendingRateMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "innopaas.middleware.RequestLogMiddleware",
    "innopaas.error_pages.OurOwnPagesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "innopaas.urls"
WSGI_APPLICATION = "innopaas.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

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
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
                "innopaas.context.site",
            ],
        },
    },
]

# --- data ---------------------------------------------------------------------------------------------------

# PgBouncer's transaction mode keeps no prepared statement or cursor between transactions.
_DATABASE_SHAPE: dict[str, Any] = {
    "ENGINE": "django.db.backends.postgresql",
    "CONN_MAX_AGE": 600,
    "CONN_HEALTH_CHECKS": True,
    "DISABLE_SERVER_SIDE_CURSORS": True,
}
DATABASES: dict[str, Any] = {
    "default": {**_DATABASE, **_DATABASE_SHAPE, "TEST": {"MIRROR": "owner"} if _DATABASE_OWNER else {}},
}
if _DATABASE_OWNER:
    # The mirror depends on it, not it on the mirror, also when the two have different addresses (a pool before one).
    DATABASES["owner"] = {**_DATABASE_OWNER, **_DATABASE_SHAPE, "CONN_MAX_AGE": 0, "TEST": {"DEPENDENCIES": []}}
if _DATABASE_REPLICA:
    DATABASES["replica"] = {**_DATABASE_REPLICA, **_DATABASE_SHAPE, "TEST": {"MIRROR": "default"}}
DATABASE_ROUTERS = ["wallet.replica.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis may vanish: nobody is logged out by that, and rate limits go on, so both stand in the database.
_CACHE_SIZE = {"MAX_ENTRIES": 1_000_000}  # beyond it live counters are thrown away, and with them a lock of the login
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache_entry",
        "OPTIONS": _CACHE_SIZE,
    },
    "marks": {  # only for what staff do once: nobody else can fill it
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache_mark",
        "OPTIONS": _CACHE_SIZE,
    },
}
SESSION_ENGINE = "wallet.session_store"

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 2,
    "socket_timeout": 2,
    "visibility_timeout": 300,
    "max_retries": 0,  # else a webhook would wait six seconds for a broker that is away (seen)
}
CELERY_TASK_PUBLISH_RETRY = False  # a wake-up that cannot be sent is not retried: the sweep finds the row
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # the worker outlives any absence of its broker
SWEEPS_EVERY = {  # seconds, as in payments.sweeps
    "inbox": 10,
    "open payments": 60,
    "refunds": 15,
    "disputes": 600,
    "missed events": 300,
    "mails": 20,
    "bank lines": 15,
    "balance": 3600,
    "transfers": 60,
    "slips": 3600,
    "exchange rate": 600,
    "holds": 10,
    "callbacks": 10,
    "alerts": 15,
    "auto-fill": 10,
    "notices": 20,
    "documents": 15,
    "digests": 300,
    "usage": 600,
}
CELERY_BEAT_SCHEDULE = {
    **{
        name: {"task": "payments.tasks.sweep", "schedule": seconds, "args": [name], "options": {"expires": seconds}}
        for name, seconds in SWEEPS_EVERY.items()
    },
    "nightly audit": {
        "task": "innopaas.tasks.audit_ledger",
        "schedule": crontab(hour=19, minute=30),  # 03:30 in Shanghai
    },
    "old sessions": {"task": "innopaas.tasks.clear_sessions", "schedule": crontab(hour=20, minute=30)},
}

# --- people -------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "wallet.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "wallet.password_rules.OwnWordsValidator"},
    {"NAME": "wallet.password_rules.BreachedPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "wallet.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "wallet.forms.SignUpForm"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # before the address is changed: OWASP ASVS 5.0, 7.5.1
STAFF_LOGIN_FRESH_FOR = timedelta(hours=12)
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/300s/key", "signup": "20/m/ip"}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if DEBUG else "https"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
MFA_ADAPTER = "wallet.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_ALLOW_UNVERIFIED_EMAIL = True  # a new address counts only once its mail's link is opened
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "InnoPaaS"
MFA_TOTP_TOLERANCE = 1  # a code that was right when it was typed is taken in the next 30 s too (RFC 6238, 5.2)
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG

# --- words and places ---------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = "innopaas.formats"

CURRENCIES = ("USD", "CNY")
DEFAULT_CURRENCY = "USD"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
# Slips lie where no address leads: in a folder of their own, or in a bucket, whose keys and region boto3 reads itself.
_SLIPS_FOLDER: dict[str, Any] = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {
        "location": Path(MEDIA_ROOT) / "slips",
        "base_url": None,
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    },
}
_SLIPS_BUCKET: dict[str, Any] = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": {
        "bucket_name": SLIPS_S3_BUCKET,
        "default_acl": None,
        "file_overwrite": False,
        "querystring_auth": True,
    },
}
STORAGES = {
    "slips": _SLIPS_BUCKET if SLIPS_S3_BUCKET else _SLIPS_FOLDER,
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

EMAIL_BACKEND: str = _EMAIL["EMAIL_BACKEND"]
EMAIL_FILE_PATH: str = "/" + str(_EMAIL.get("EMAIL_FILE_PATH", "")).lstrip("/")  # file:///folder means /folder
EMAIL_HOST: str = _EMAIL.get("EMAIL_HOST") or "localhost"
EMAIL_PORT: int = _EMAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER: str = _EMAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD: str = _EMAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS: bool = _EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10

# --- security -----------------------------------------------------------------------------------------------

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True  # no script of ours reads a cookie: forms carry the token
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
if not DEBUG:  # browsers take these names over https and for this very host only
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    LANGUAGE_COOKIE_NAME = "__Host-language"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_AGE = SESSION_DAYS * 24 * 3600  # of a visitor; a login sets its own end, wallet/sessions.py
SECURE_SSL_REDIRECT = not DEBUG
STRIPE_WEBHOOK_PATH = "payments/stripe/webhook/"
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$", r"^api/", rf"^{STRIPE_WEBHOOK_PATH}$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        # Chromium holds redirects after a form to this as well: TOP UP leads on to Stripe's page.
        "form-action": [SELF, "https://checkout.stripe.com", *([STRIPE_API_BASE] if STRIPE_API_BASE else [])],
        "frame-ancestors": [NONE],
    }
}

# --- the admin's look: the colours of static/css/tokens.css ----------------------------------------------------

UNFOLD = {
    "SITE_TITLE": _("InnoPaaS staff"),
    "SITE_HEADER": _("InnoPaaS staff"),
    "SITE_URL": "/",
    "SITE_ICON": lambda _request: static("innopaas/favicon.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("innopaas/favicon.svg")}
    ],
    "SHOW_HISTORY": True,
    "SHOW_LANGUAGES": True,
    "LANGUAGES": {"action": reverse_lazy("wallet:language"), "navigation": []},
    "DASHBOARD_CALLBACK": "innopaas.dashboard.fill",
    "SIDEBAR": {"navigation": "innopaas.sidebar.navigate"},
    "ACCOUNT": {
        "navigation": [
            {"title": _("Where you are logged in"), "link": reverse_lazy("wallet:sessions")},
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
        ]
    },
    "COLORS": {
        "primary": {
            "50": "240, 250, 247",
            "100": "227, 243, 239",
            "200": "190, 226, 217",
            "300": "138, 201, 188",
            "400": "79, 170, 152",
            "500": "24, 138, 119",
            "600": "10, 110, 95",
            "700": "7, 86, 74",
            "800": "8, 69, 60",
            "900": "8, 58, 51",
            "950": "3, 33, 29",
        },
        "base": {
            "50": "244, 246, 245",
            "100": "236, 240, 238",
            "200": "220, 227, 224",
            "300": "198, 208, 204",
            "400": "161, 177, 171",
            "500": "84, 99, 94",
            "600": "60, 74, 69",
            "700": "42, 55, 50",
            "800": "29, 39, 35",
            "900": "22, 30, 27",
            "950": "14, 20, 18",
        },
    },
}

# --- logs ---------------------------------------------------------------------------------------------------

LOGGING = logs.configure(level=LOG_LEVEL, renderer=logs.readable() if DEBUG else logs.json())
DJANGO_STRUCTLOG_CELERY_ENABLED = False
