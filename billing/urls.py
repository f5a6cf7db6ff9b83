"""Addresses of the pages of orders, below /billing/."""

from django.urls import path, re_path

from billing import views
from billing.numbers import IN_ADDRESS

app_name = "billing"

urlpatterns = [
    path("orders/", views.list_orders, name="orders"),
    path("orders.csv", views.export_orders, name="orders_csv"),
    re_path(rf"^orders/{IN_ADDRESS}/\Z", views.show_order, name="order"),
    re_path(rf"^orders/{IN_ADDRESS}/receipt/\Z", views.show_receipt, name="receipt"),
    re_path(rf"^orders/{IN_ADDRESS}/receipt\.pdf\Z", views.download_receipt, name="receipt_pdf"),
]
