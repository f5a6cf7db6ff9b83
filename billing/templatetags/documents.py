"""`{% documents_of order %}`: an order's receipt and refund notes, or why there are none; `{% notes_of order %}`: the
refund notes alone.
"""

from typing import Any

from django import template

from billing.models import Document, DocumentKind, Order, Refund

register = template.Library()


@register.inclusion_tag("billing/documents.html")
def documents_of(order: Order) -> dict[str, Any]:
    return {"order": order}


@register.inclusion_tag("billing/_refund_notes.html")
def notes_of(order: Order) -> dict[str, Any]:
    states = {refund.number: refund.state for refund in order.refunds.all()}
    issued = Document.objects.filter(order=order, kind=DocumentKind.REFUND_NOTE)
    notes = list(issued.only("number", "refund_number", "dated_on").order_by("sequence")) if states else []
    noted = {note.refund_number for note in notes}
    return {
        "notes": [
            {"note": note, "came_back": states.get(note.refund_number) == Refund.State.RETURNED} for note in notes
        ],
        "is_note_coming": any(
            state == Refund.State.SUCCEEDED and number not in noted for number, state in states.items()
        ),
    }
