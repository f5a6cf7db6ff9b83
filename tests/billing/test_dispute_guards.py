"""Disputes, debts and blocks against whoever goes round the pages: raw rows, refused by the database."""

import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.models import F

from billing.models import CardBlock, CardRule, DebtPayment, Dispute, DisputeMovement, WriteOff
from tests import builders, people
from tests.billing.disputing import Story, told, usd
from wallet.models import Member, Role


@pytest.fixture
def story(db: None, now: datetime) -> Story:
    return Story(now)


def refuse(attack: Callable[[], Any], state: str, *, using: str = "default") -> None:
    """The attack fails with this SQLSTATE."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic(using=using):
        attack()
    assert getattr(caught.value.__cause__, "sqlstate", "") == state


def write_off(story: Story, dispute: Dispute | None, **changes: Any) -> WriteOff:
    fields = {
        "organisation": story.acme,
        "dispute": dispute,
        "amount": usd(10),
        "reason": "why",
        "by": story.frank,
        "by_name": "Frank",
        "at": story.now,
        "form_token": secrets.token_hex(8),
    }
    return WriteOff.objects.create(**fields | changes)


def test_what_staff_write_off_stands(story: Story) -> None:
    assert write_off(story, story.owe(40), amount=usd(40)).pk


@pytest.mark.parametrize(
    ("change", "state"),
    [({"amount": usd("40.01")}, "IP026"), ({"amount": usd(0)}, "23514"), ({"reason": ""}, "23514")],
)
def test_no_write_off_of_more_than_is_owed_or_without_a_reason(
    story: Story, change: dict[str, Any], state: str
) -> None:
    dispute = story.owe(40)
    refuse(lambda: write_off(story, dispute, **change), state)
    assert not WriteOff.objects.filter(organisation=story.acme).exists()


def test_a_write_off_is_of_something_that_is_owed(story: Story) -> None:
    story.owe(40)
    refuse(lambda: write_off(story, None), "IP026")


def test_a_customer_writes_nothing_off(story: Story) -> None:
    dispute = story.owe(40)
    refuse(lambda: write_off(story, dispute, by=builders.make_person()), "IP020")


def test_a_member_writes_nothing_off_even_if_staff(story: Story) -> None:
    dispute = story.owe(40)
    Member.objects.create(organisation=story.acme, user=story.frank, role=Role.VIEWER, joined_at=story.now)
    refuse(lambda: write_off(story, dispute), "IP020")


def test_a_write_off_names_a_dispute_of_its_organisation(story: Story) -> None:
    dispute = story.owe(40)
    other = builders.make_organisation(now=story.now)
    refuse(lambda: write_off(story, dispute, organisation=other), "IP026")


def test_only_a_paid_wallet_top_up_pays_a_debt(story: Story) -> None:
    dispute = story.owe(40)
    into_product = dispute.order.__class__.objects.filter(organisation=story.acme).exclude(target="wallet").first()
    order = into_product or dispute.order

    def pay(**changes: Any) -> DebtPayment:
        fields = {"organisation": story.acme, "dispute": dispute, "order": order, "amount": usd(10), "at": story.now}
        return DebtPayment.objects.create(**fields | changes)

    refuse(pay, "IP026")
    waiting = builders.begin_top_up(builders.make_organisation(now=story.now), now=story.now).order
    refuse(lambda: pay(order=waiting), "IP026")
    refuse(lambda: pay(order=dispute.order, amount=usd("40.01")), "IP026")


@pytest.mark.parametrize("model", [DisputeMovement, DebtPayment, WriteOff, CardRule])
def test_what_happened_is_never_changed_or_deleted(story: Story, model: Any) -> None:
    dispute = story.owe(40)
    story.by_bank(10)
    write_off(story, dispute)
    refuse(lambda: model.objects.update(id=F("id")), "42501")
    refuse(model.objects.all().delete, "42501")


def test_not_even_the_owner_changes_what_happened(superuser: str, now: datetime) -> None:
    story = Story(now)
    dispute = story.owe(40)
    story.by_bank(10)
    dispute.refresh_from_db()
    write_off(story, dispute)
    for model in (DisputeMovement, DebtPayment, WriteOff):
        rows = model.objects.using(superuser).filter(organisation=story.acme)
        refuse(partial(rows.update, id=F("id")), "IP022", using=superuser)
        refuse(rows.delete, "IP022", using=superuser)
    refuse(CardRule.objects.using(superuser).all().delete, "IP022", using=superuser)
    refuse(CardBlock.objects.using(superuser).filter(organisation=story.acme).delete, "IP022", using=superuser)


def test_a_dispute_stays_that_of_its_order_and_is_never_deleted(story: Story) -> None:
    dispute = story.owe(40)
    other = story.by_bank(10)
    refuse(lambda: Dispute.objects.filter(pk=dispute.pk).update(order=other), "IP022")
    asked = story.hear(other, told(state=Dispute.State.INQUIRY, now=story.now))
    refuse(Dispute.objects.filter(pk=asked.pk).delete, "42501")


def test_a_block_is_lifted_once_and_by_staff_or_because_it_was_won(story: Story) -> None:
    story.owe(40)
    block = CardBlock.objects.filter(organisation=story.acme)
    lifted = {"lifted_at": story.now, "lifted_by_name": "Somebody", "note": "why"}
    refuse(lambda: block.update(**lifted), "IP020")
    refuse(lambda: block.update(**lifted, lifted_by=builders.make_person()), "IP020")
    block.update(**lifted, lifted_by=story.frank)
    refuse(lambda: block.update(note="another"), "IP022")


def test_only_staff_decide_the_rule(story: Story) -> None:
    fields = {"blocks_cards": False, "reason": "why", "at": story.now}
    refuse(lambda: CardRule.objects.create(**fields, by=builders.make_person()), "IP020")
    refuse(lambda: CardRule.objects.create(**fields, by=None), "IP020")
    assert CardRule.objects.create(**fields, by=people.make_staff("frank", "finance lead")).pk
