"""Under which numbers of the company's general ledger the journal is handed over."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from wallet.ids import new_id


class GlNumber(models.Model):
    """The general ledger's account for one of our codes, or for all that begin alike (`product:*`)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(
        _("code"),
        max_length=80,
        unique=True,
        validators=[
            RegexValidator(
                r"\A[a-z][a-z0-9_:-]*\*?\Z", _("A code of the chart of accounts, or its beginning followed by *.")
            )
        ],
    )
    number = models.CharField(
        _("account number"),
        max_length=30,
        validators=[RegexValidator(r"\A[0-9A-Za-z.-]+\Z", _("Letters, digits, full stops and hyphens."))],
    )
    name = models.CharField(_("name"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("general ledger number")
        verbose_name_plural = _("general ledger numbers")
        ordering = ["number", "code"]
        constraints = [models.CheckConstraint(condition=~Q(number=""), name="gl_number_is_there")]

    def __str__(self) -> str:
        return f"{self.code} → {self.number}"
