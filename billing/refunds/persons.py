"""Who may do what with a refund; the database refuses the rest too."""

from django.utils.translation import gettext as _

from billing.models import Order
from wallet.models import TOP_UP_ROLES, User


class MayNotRefund(Exception):
    """This person may not do that with this refund; the message says why."""


def may_ask(person: User, order: Order) -> bool:
    """For the customer: whoever may pay money in may ask for it back."""
    return person.memberships.filter(organisation_id=order.organisation_id, role__in=TOP_UP_ROLES).exists()


def why_not_finance(person: User, order: Order) -> str:
    """Why this person may not act for finance, in words; empty when he may."""
    if person.belongs_to(order.organisation_id):
        return _("You belong to this organisation.")
    if not person.is_active_staff:
        return _("Only active members of our team may do that.")
    return ""


def check_finance(person: User, order: Order) -> None:
    if why := why_not_finance(person, order):
        raise MayNotRefund(why)
