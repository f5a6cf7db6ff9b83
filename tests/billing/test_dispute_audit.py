"""The audit of disputes: clean after every kind of story, and each tampering named."""

import secrets
from datetime import datetime

import pytest
from django.db import transaction

from billing import dispute_audit, receivables
from billing.audit import CHECKS as ORDER_CHECKS
from billing.models import Dispute
from products.audit import CHECKS as USAGE_CHECKS
from tests.billing.disputing import State, Story, given_back, more, usd
from wallet import audit, ledger
from wallet.ledger import Draft, credit, debit

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(db: None, now: datetime) -> Story:
    return Story(now)


def problems(story: Story) -> list[str]:
    """But for those of the bank: the top-ups by transfer of these stories have no bank line."""
    return audit.find_problems(checks=(*audit.CHECKS, *USAGE_CHECKS, *ORDER_CHECKS), now=story.now)


def test_every_kind_of_story_leaves_the_audit_clean(story: Story) -> None:
    first, second = story.by_card(100), story.into_product(100)
    story.move(30)
    story.spend(110)
    one, what = story.dispute(first)
    two, other = story.dispute(second)
    story.by_bank(50)
    for dispute in (one, two):
        dispute.refresh_from_db()
        if dispute.debt > 5:
            receivables.write_off(
                debtor=dispute,
                amount=usd(5),
                reason="why",
                by=story.frank,
                form_token=secrets.token_hex(4),
                now=story.now,
            )
    assert "\n".join(problems(story)) == ""
    story.hear(first, more(what, given_back(fee=-15), state=State.WON))
    story.hear(second, more(other, state=State.LOST))
    assert "\n".join(problems(story)) == ""


def test_a_debt_that_is_not_in_the_ledger_is_named(story: Story) -> None:
    dispute = story.owe(40)
    Dispute.objects.filter(pk=dispute.pk).update(debt=30, from_wallet=70)
    assert [text for text in problems(story) if f"{story.acme.pk} owes" in text]


def test_money_lost_between_the_parts_is_named(story: Story) -> None:
    dispute = story.owe(40)
    Dispute.objects.filter(pk=dispute.pk).update(from_wallet=50)
    assert [text for text in problems(story) if dispute.stripe_id in text]


def test_a_posting_without_its_row_is_named(story: Story) -> None:
    story.owe(40)
    lines = (debit("chargebacks", usd(10)), credit("receivable", usd(10)))
    with transaction.atomic():
        ledger.post(
            organisation_id=story.acme.pk,
            drafts=[Draft(key="writeoff:x", kind="DEBT_WRITE_OFF", lines=lines)],
            now=story.now,
        )
    assert [text for text in problems(story) if text.startswith("writeoff:x")]


def test_money_that_a_strange_posting_gives_back_is_named(story: Story) -> None:
    story.dispute(story.by_card(100))
    lines = (debit("stripe_clearing", usd(10)), credit("wallet", usd(10)))
    with transaction.atomic():
        ledger.post(
            organisation_id=story.acme.pk,
            drafts=[Draft(key="dispute:txn_x", kind="DISPUTE_WON", lines=lines)],
            now=story.now,
        )
    assert any("dispute:txn_x" in text and "no order asked" in text for text in problems(story))


def test_the_guards_are_compared_with_this_version(story: Story) -> None:
    assert list(dispute_audit.check_guards("default", story.now)) == []
