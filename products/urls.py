"""Addresses of the pages of products that no other app has a part in, below /developers/."""

from django.urls import path

from products.views import keys

app_name = "products"

urlpatterns = [
    path("keys/", keys.show, name="keys"),
    path("keys/revoke/", keys.revoke, name="revoke_key"),
]
