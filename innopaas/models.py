"""What the audit trail keeps, one line per tracked model, and the trail as one list."""

import pghistory
import pgtrigger
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _
from pghistory.models import Events

from billing.models import ExchangeRate, LegalEntity, RateRule, SpecialDay, TopUpLimit
from innopaas.history import track
from payments.models import ApprovalLimit, BankAccount, RejectionReason
from products.models import Product
from wallet.models import User

TopUpLimitEvent = track(TopUpLimit)
RateRuleEvent = track(RateRule)
ExchangeRateEvent = track(ExchangeRate)
SpecialDayEvent = track(SpecialDay)
LegalEntityEvent = track(LegalEntity)
BankAccountEvent = track(BankAccount)
ApprovalLimitEvent = track(ApprovalLimit)
RejectionReasonEvent = track(RejectionReason)
ProductEvent = track(Product)
UserEvent = track(
    User,
    pghistory.InsertEvent(condition=pgtrigger.Q(new__is_staff=True)),  # not every customer's sign-up
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
    fields=("id", "email", "is_staff", "is_superuser", "is_active"),
)
UserGroupsEvent = track(User.groups.through)
GroupEvent = track(Group)
GroupPermissionsEvent = track(Group.permissions.through)
AuthenticatorEvent = track(Authenticator, pghistory.DeleteEvent(), fields=("id", "user", "type"))  # never its secret


class StaffEdit(Events):
    """One change of a tracked row, whichever it is, with who made it and where."""

    user = pghistory.ProxyField(
        "pgh_context__user",
        models.ForeignKey(
            settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, related_name="+", verbose_name=_("by")
        ),
    )
    url = pghistory.ProxyField("pgh_context__url", models.TextField(_("address"), null=True))

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = _("change by staff")
        verbose_name_plural = _("audit trail")
