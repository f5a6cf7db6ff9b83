"""Which products a member may see and use."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from products.models.catalogue import Product
from wallet.ids import new_id
from wallet.models import Member


class ProductAccess(models.Model):
    """Limits a member to these products; a member without such a row may use all. It goes when the member goes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    member = models.OneToOneField(Member, models.CASCADE, related_name="product_access", verbose_name=_("member"))
    products = models.ManyToManyField(Product, related_name="+", verbose_name=_("products"), blank=True)

    class Meta:
        verbose_name = _("product permissions")
        verbose_name_plural = _("product permissions")

    def __str__(self) -> str:
        return str(self.member)
