"""Addresses of the pages of orders, below /billing/."""

from django.urls import path, re_path

from billing.documents import IN_ADDRESS as DOCUMENT_IN_ADDRESS
from billing.numbers import IN_ADDRESS, REFUND_IN_ADDRESS
from billing.views import (
    alerts,
    auto_fill,
    callbacks,
    documents,
    fapiao,
    moves,
    orders,
    refunds,
    saved_filters,
    statement,
)

app_name = "billing"

urlpatterns = [
    path("orders/", orders.list_orders, name="orders"),
    path("orders.csv", orders.export_orders, name="orders_csv"),
    path("orders.xlsx", orders.export_orders_xlsx, name="orders_xlsx"),
    path("orders/totals/", orders.add_up_orders, name="order_totals"),
    path("orders/filters/", saved_filters.show, name="saved_filters"),
    path("orders/filters/rename/", saved_filters.rename, name="rename_filter"),
    path("orders/filters/delete/", saved_filters.delete, name="delete_filter"),
    re_path(rf"^orders/{IN_ADDRESS}/\Z", orders.show_order, name="order"),
    re_path(rf"^orders/{IN_ADDRESS}/undo/\Z", moves.undo, name="undo"),
    re_path(rf"^orders/{IN_ADDRESS}/refund/\Z", refunds.ask, name="refund"),
    re_path(rf"^orders/{IN_ADDRESS}/refund/{REFUND_IN_ADDRESS}/withdraw/\Z", refunds.withdraw, name="refund_withdraw"),
    re_path(rf"^orders/{IN_ADDRESS}/receipt/\Z", documents.show_receipt, name="receipt"),
    re_path(rf"^orders/{IN_ADDRESS}/receipt\.pdf\Z", documents.download_receipt, name="receipt_pdf"),
    re_path(rf"^orders/{IN_ADDRESS}/fapiao/\Z", fapiao.show, name="fapiao"),
    re_path(rf"^orders/{IN_ADDRESS}/fapiao/(?P<place>[1-9][0-9]{{0,3}})/\Z", fapiao.download, name="fapiao_file"),
    re_path(rf"^documents/{DOCUMENT_IN_ADDRESS}\.pdf\Z", documents.download, name="document"),
    path("statement/", statement.show, name="statement"),
    path("statement.csv", statement.download_csv, name="statement_csv"),
    path("statement.pdf", statement.download_pdf, name="statement_pdf"),
    path("statement/pack.zip", statement.download_pack, name="statement_pack"),
    path("callbacks/", callbacks.show, name="callbacks"),
    path("callbacks/secret/", callbacks.show_secret, name="callback_secret"),
    path("callbacks/rotate/", callbacks.rotate, name="callback_rotate"),
    path("callbacks/events/", callbacks.choose_events, name="callback_events"),
    path("callbacks/off/", callbacks.switch_off, name="callback_off"),
    path("callbacks/on/", callbacks.switch_on, name="callback_on"),
    path("callbacks/remove/", callbacks.remove, name="callback_remove"),
    path("callbacks/test/", callbacks.send_test, name="callback_test"),
    path("callbacks/again/", callbacks.send_again, name="callback_again"),
    path("alerts/", alerts.show, name="alerts"),
    path("auto-fill/<slug:slug>/", auto_fill.show, name="auto_fill"),
    path("auto-fill/<slug:slug>/off/", auto_fill.switch_off, name="auto_fill_off"),
]
