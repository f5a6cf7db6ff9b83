"""Addresses of the pages of orders, below /billing/."""

from django.urls import path, re_path

from billing.numbers import IN_ADDRESS
from billing.views import alerts, auto_fill, callbacks, moves, orders

app_name = "billing"

urlpatterns = [
    path("orders/", orders.list_orders, name="orders"),
    path("orders.csv", orders.export_orders, name="orders_csv"),
    re_path(rf"^orders/{IN_ADDRESS}/\Z", orders.show_order, name="order"),
    re_path(rf"^orders/{IN_ADDRESS}/undo/\Z", moves.undo, name="undo"),
    re_path(rf"^orders/{IN_ADDRESS}/receipt/\Z", orders.show_receipt, name="receipt"),
    re_path(rf"^orders/{IN_ADDRESS}/receipt\.pdf\Z", orders.download_receipt, name="receipt_pdf"),
    path("callbacks/", callbacks.show, name="callbacks"),
    path("callbacks/secret/", callbacks.show_secret, name="callback_secret"),
    path("callbacks/rotate/", callbacks.rotate, name="callback_rotate"),
    path("callbacks/off/", callbacks.switch_off, name="callback_off"),
    path("callbacks/on/", callbacks.switch_on, name="callback_on"),
    path("callbacks/remove/", callbacks.remove, name="callback_remove"),
    path("callbacks/test/", callbacks.send_test, name="callback_test"),
    path("callbacks/again/", callbacks.send_again, name="callback_again"),
    path("alerts/", alerts.show, name="alerts"),
    path("auto-fill/<slug:slug>/", auto_fill.show, name="auto_fill"),
    path("auto-fill/<slug:slug>/off/", auto_fill.switch_off, name="auto_fill_off"),
]
