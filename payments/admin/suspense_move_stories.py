"""Card money in suspense as a table: what waits, since when, and what can be done about it."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from payments import card_suspense, suspense_moves
from payments.card_suspense import Held
from payments.models import BalanceTransaction, Payment
from wallet.admin import cells
from wallet.money import labelled

PROPOSES = "payments.add_suspensemove"


def list_acts(source: Payment | BalanceTransaction, user: Any) -> list[dict[str, Any]]:
    """What of this page's can be done with a payment or a charge, for its own page."""
    if not user.has_perm(PROPOSES) or card_suspense.find_source(source.pk) is None:
        return []
    held = card_suspense.find(source)
    if move := source.suspense_moves.filter(withdrawn_at=None, ended_at=None).first():
        return [{"title": move, "address": reverse("admin:payments_suspensemove_change", args=[move.pk])}]
    names = {
        "credit": (_("Credit it"), suspense_moves.why_not_credit(held)),
        "refund": (_("Send it back to the card"), suspense_moves.why_not_refund(held)),
    }
    return [
        {"title": title, "address": reverse(f"admin:payments_suspensemove_{name}", args=[source.pk])}
        for name, (title, why_not) in names.items()
        if not why_not
    ]


def tell_acts(source: Payment | BalanceTransaction, user: Any) -> list[dict[str, Any]]:
    """What waits of it in suspense, for its own page; nothing where nothing does."""
    if card_suspense.find_source(source.pk) is None or card_suspense.find(source).rest.amount <= 0:
        return []
    return [_table([_cells_of(card_suspense.find(source), user)])]


def tell_held(user: Any) -> dict[str, Any]:
    """Everything that waits, with what can be done about it."""
    return _table([_cells_of(held, user) for held in card_suspense.list_held()])


def _table(rows: list[tuple[object, ...]]) -> dict[str, Any]:
    headers = (_("since"), _("payment"), _("in the suspense of"), _("amount"), _("what can be done"))
    return {"title": _("Waits in suspense"), "headers": headers, "rows": rows}


def _cells_of(held: Held, user: Any) -> tuple[object, ...]:
    source = held.source
    since = source.created_at if isinstance(source, Payment) else source.stripe_created_at
    return (
        cells.show_moment(since),
        link_to_source(source),
        source.organisation.name if isinstance(source, Payment) else _("Nobody known"),
        labelled(held.rest),
        _list_links(source, user),
    )


def _list_links(source: Payment | BalanceTransaction, user: Any) -> Any:
    links = [cells.link_to(act["address"], str(act["title"])) for act in list_acts(source, user)]
    return format_html_join(" · ", "{}", ((link,) for link in links)) or "—"


def name(source: Payment | BalanceTransaction) -> str:
    return source.order.number if isinstance(source, Payment) else f"{source.source_id or source.stripe_id}"


def link_to_source(source: Payment | BalanceTransaction) -> str:
    page = "payment" if isinstance(source, Payment) else "balancetransaction"
    return cells.link_to(reverse(f"admin:payments_{page}_change", args=[source.pk]), name(source))
