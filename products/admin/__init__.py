"""Staff pages of the catalogue, of API keys and holds."""

from products.admin import catalogue, keys

__all__ = ["catalogue", "keys"]
