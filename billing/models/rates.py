"""Exchange rates: what was named, by whom, since when it counts; and the rule they are held to."""

from datetime import datetime
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Abs
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from wallet.ids import new_id
from wallet.models import User


class RateRule(models.Model):
    """How old a rate of one pair may be, how far it may jump alone, and how long a quote of it holds."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    base = models.CharField(_("one unit of"), max_length=3)
    quote = models.CharField(_("is worth so many"), max_length=3)
    max_age_hours = models.PositiveSmallIntegerField(
        _("a rate counts for (hours)"),
        validators=[MinValueValidator(1), MaxValueValidator(240)],
        help_text=_("An older rate is not quoted: customers are told when to come back."),
    )
    jump_percent = models.DecimalField(
        _("a second person from (percent)"),
        max_digits=5,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(50)],
        help_text=_("A rate further than this from the last one waits until somebody else has approved it."),
    )
    quote_hours = models.PositiveSmallIntegerField(
        _("a quote holds for (hours)"),
        validators=[MinValueValidator(1), MaxValueValidator(240)],
        help_text=_("A customer whose money arrives within this time gets the rate he was shown."),
    )

    class Meta:
        verbose_name = _("rule of exchange rates")
        verbose_name_plural = _("rules of exchange rates")
        constraints = [
            models.UniqueConstraint(fields=["base", "quote"], name="rate_rule_once_per_pair"),
            models.CheckConstraint(
                condition=Q(max_age_hours__gte=1, max_age_hours__lte=240)
                & Q(quote_hours__gte=1, quote_hours__lte=240)
                & Q(jump_percent__gt=0, jump_percent__lte=50),
                name="rate_rule_is_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.base}/{self.quote}"


class ExchangeRateQuerySet(models.QuerySet["ExchangeRate"]):
    def last_accepted(self, *, base: str, quote: str) -> "ExchangeRate | None":
        """The one that counts, however old it is."""
        return self._accepted(base, quote).first()

    def last_accepted_before(self, moment: datetime, *, base: str, quote: str) -> "ExchangeRate | None":
        """The one that counted just before a moment."""
        return self._accepted(base, quote).filter(effective_at__lt=moment).first()

    def _accepted(self, base: str, quote: str) -> "ExchangeRateQuerySet":
        accepted = self.filter(base=base, quote=quote, state=ExchangeRate.State.ACTIVE)
        return accepted.order_by("-effective_at", "-id")


class ExchangeRate(models.Model):
    """What one unit of `base` is worth in `quote`. A row is history: only the decision it waits for is added."""

    class State(models.TextChoices):
        ACTIVE = "ACTIVE", _("Accepted")
        WAITING = "WAITING", _("Waits for a second person")
        REFUSED = "REFUSED", _("Refused")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    base = models.CharField(_("one unit of"), max_length=3)
    quote = models.CharField(_("is worth so many"), max_length=3)
    rate = models.DecimalField(_("rate"), max_digits=14, decimal_places=6)
    source = models.CharField(_("source"), max_length=100)
    """As customers read it."""
    stated_at = models.DateTimeField(_("as of"))
    """When the source named it; its age is counted from here."""
    effective_at = models.DateTimeField(_("counts since"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State)
    compared_with = models.DecimalField(_("rate before"), max_digits=14, decimal_places=6, null=True, blank=True)
    jump_percent = models.DecimalField(_("second person from (percent)"), max_digits=5, decimal_places=2)
    """The rule's as it was then."""
    entered_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("entered by")
    )
    loaded_for = models.DateField(_("loaded for"), null=True, blank=True)
    """The business day whose daily load brought it, when nobody entered it."""
    created_at = models.DateTimeField(_("entered at"))
    approved_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    refused_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("refused by")
    )
    refused_at = models.DateTimeField(_("refused at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)

    objects = ExchangeRateQuerySet.as_manager()

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        indexes = [
            models.Index(fields=["base", "quote", "-effective_at"], name="rate_by_day", condition=Q(state="ACTIVE"))
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(rate__gt=0, rate__lt=10**6, jump_percent__gt=0, jump_percent__lte=50),
                name="rate_is_positive",
            ),
            models.CheckConstraint(condition=Q(state__in=["ACTIVE", "WAITING", "REFUSED"]), name="rate_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="ACTIVE", effective_at__isnull=False)
                | ~Q(state="ACTIVE") & Q(effective_at__isnull=True),
                name="rate_counts_once_accepted",
            ),
            models.CheckConstraint(
                condition=Q(entered_by__isnull=False, loaded_for__isnull=True)
                | Q(entered_by__isnull=True, loaded_for__isnull=False),
                name="rate_entered_or_loaded",
            ),
            models.UniqueConstraint(fields=["base", "quote", "loaded_for"], name="rate_loaded_once_a_day"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | Q(entered_by__isnull=True) | ~Q(approved_by=F("entered_by")),
                name="rate_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True, approved_at__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False, state="ACTIVE"),
                name="rate_approved_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(refused_by__isnull=True, refused_at__isnull=True) & ~Q(state="REFUSED")
                | Q(refused_by__isnull=False, refused_at__isnull=False, state="REFUSED"),
                name="rate_refused_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state="ACTIVE")
                | Q(approved_by__isnull=False)
                | Q(compared_with__isnull=True)
                | Q(LessThanOrEqual(Abs(F("rate") - F("compared_with")) * 100, F("jump_percent") * F("compared_with"))),
                name="rate_jump_is_approved",
            ),
        ]

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate} {self.quote}"
