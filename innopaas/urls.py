"""All addresses of the site."""

from django.contrib import admin
from django.urls import include, path

from innopaas import health, home, resuming

urlpatterns = [
    path("", home.show, name="home"),
    path("", include("payments.urls")),
    path("billing/", include("billing.urls")),
    path("accounts/", include("wallet.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/go-on/<str:key>/", resuming.show, name="resume"),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
