"""Keys of the API. Only a hash of each is stored."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from products.models.catalogue import Product
from wallet.ids import new_id
from wallet.models import Organisation, User


class ApiKeys(models.QuerySet["ApiKey"]):
    """Reads of keys."""

    def live(self) -> "ApiKeys":
        return self.filter(revoked_at__isnull=True)


class ApiKey(models.Model):
    """What a caller of the API shows: one product's back end, which may charge, or an organisation, which may read."""

    class Kind(models.TextChoices):
        SERVICE = "SERVICE", _("Product back end")
        ORGANISATION = "ORGANISATION", _("Organisation, read only")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="api_keys", verbose_name=_("product")
    )
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="api_keys", verbose_name=_("organisation")
    )
    name = models.CharField(_("name"), max_length=60)
    prefix = models.CharField(_("begins with"), max_length=16)
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 in hex: the key is 256 random bits, which nobody finds by trying."""
    form_token = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    """A hash of the form's that made it: sent again, it makes no second key."""
    requests_per_minute = models.PositiveIntegerField(_("requests a minute"))
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("created by"))
    created_by_name = models.CharField(_("name then"), max_length=254)
    created_at = models.DateTimeField(_("created"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    """To the minute: it is not written more often."""
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("revoked by")
    )

    objects = ApiKeys.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="SERVICE", product__isnull=False, organisation__isnull=True)
                | Q(kind="ORGANISATION", product__isnull=True, organisation__isnull=False),
                name="api_key_is_of_a_product_or_an_organisation",
            ),
            models.CheckConstraint(condition=Q(secret_hash__regex="^[0-9a-f]{64}$"), name="api_key_is_hashed"),  # noqa: S106  # a pattern
            models.CheckConstraint(
                condition=Q(requests_per_minute__gt=0, requests_per_minute__lte=10**6), name="api_key_rate_is_a_rate"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="api_key_revoked_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_idle_since(self, moment: datetime) -> bool:
        return self.last_used_at is None or self.last_used_at < moment
