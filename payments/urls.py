"""Addresses of paying, below /: the top-up form, an order's way to Stripe and back, and Stripe's own door."""

from django.urls import path, re_path

from billing.numbers import IN_ADDRESS
from payments import webhooks
from payments.views import orders, returns, topup

app_name = "payments"

urlpatterns = [
    path("topup/", topup.show, name="topup"),
    re_path(rf"^payments/orders/{IN_ADDRESS}/continue/\Z", orders.go_on, name="continue"),
    re_path(rf"^payments/orders/{IN_ADDRESS}/cancel/\Z", orders.cancel, name="cancel"),
    re_path(rf"^payments/orders/{IN_ADDRESS}/return/\Z", returns.show, name="return"),
    path("payments/stripe/webhook/", webhooks.stripe_webhook, name="webhook"),
]
