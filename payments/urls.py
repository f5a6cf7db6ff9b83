"""Addresses of paying, below /: top-up forms, an order's way to Stripe and back or its bank sheet, Stripe's door."""

from django.conf import settings
from django.urls import path, re_path

from billing.numbers import IN_ADDRESS
from payments import webhooks
from payments.views import moves, orders, returns, several, slips, topup, transfers

app_name = "payments"

_PLACE = r"(?P<place>[1-9][0-9]{0,3})"
"""Which of a transfer's slips, in the order they came; removed ones keep their places."""

urlpatterns = [
    path("topup/", topup.show, name="topup"),
    path("topup/conversion/", topup.show_conversion, name="conversion"),
    path("products/topup/", moves.show, name="move_several"),
    path("products/topup/done/", moves.show_done, name="moved_several"),
    path("products/<slug:slug>/topup/", topup.show, name="product_topup"),
    re_path(rf"^payments/orders/{IN_ADDRESS}/continue/\Z", orders.go_on, name="continue"),
    re_path(rf"^payments/orders/{IN_ADDRESS}/cancel/\Z", orders.cancel, name="cancel"),
    re_path(rf"^payments/orders/{IN_ADDRESS}/return/\Z", returns.show, name="return"),
    re_path(rf"^payments/orders/{IN_ADDRESS}/transfer/\Z", transfers.show, name="transfer"),
    re_path(rf"^payments/orders/{IN_ADDRESS}/transfer\.pdf\Z", transfers.download, name="transfer_pdf"),
    re_path(rf"^payments/orders/{IN_ADDRESS}/transfer/slips/{_PLACE}/\Z", slips.download, name="slip"),
    re_path(rf"^payments/orders/{IN_ADDRESS}/transfer/slips/{_PLACE}/remove/\Z", slips.remove, name="remove_slip"),
    path("payments/transfers/", several.show, name="transfers"),
    path("payments/transfers.pdf", several.download, name="transfers_pdf"),
    path(settings.STRIPE_WEBHOOK_PATH, webhooks.stripe_webhook, name="webhook"),
]
