"""The rows of products: the catalogue, balances by number, who may use what, API keys, holds, days of usage."""

from products.models.access import ProductAccess
from products.models.catalogue import Icon, Product, ProductBalance
from products.models.holds import Hold
from products.models.keys import ApiKey
from products.models.usage import UsageDay

__all__ = ["ApiKey", "Hold", "Icon", "Product", "ProductAccess", "ProductBalance", "UsageDay"]
