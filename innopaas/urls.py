"""All addresses of the site."""

from django.contrib import admin
from django.urls import include, path, re_path

from innopaas import api, health, home, mail_previews, posting_pages, product_pages, resuming, stuck_pages, styleguide
from products.views import access as product_access

handler500 = "innopaas.error_pages.show_failure"

urlpatterns = [
    path("", home.show, name="home"),
    path("", include("payments.urls")),
    path("products/", product_pages.list_products, name="products"),
    path("products/access/<uuid:member_id>/", product_access.show, name="product_access"),
    path("products/<slug:slug>/", product_pages.show_product, name="product"),
    path("api/v1/", api.urls),
    re_path(r"^api/v1\Z", api.answer_unknown, name="api"),
    path("developers/", include("products.urls")),
    path("billing/", include("billing.urls")),
    path("accounts/", include("wallet.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/go-on/<str:key>/", resuming.show, name="resume"),
    path("admin/stuck/", stuck_pages.show, name="stuck"),
    path("admin/postings/show/", posting_pages.show, name="show_posting"),
    path("admin/stuck/audit/", stuck_pages.run_audit, name="run_audit"),
    path("admin/stuck/refund/<uuid:pk>/", stuck_pages.ask_about_refund, name="ask_about_refund"),
    path("admin/stuck/receipt/<uuid:pk>/", stuck_pages.issue_receipt, name="issue_receipt"),
    path("admin/", admin.site.urls),
    path("styleguide/mails/", mail_previews.list_mails, name="mail_previews"),
    path("styleguide/mails/<slug:name>/<slug:form>/", mail_previews.show_mail, name="mail_preview"),
    path("styleguide/", styleguide.show, name="styleguide"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
