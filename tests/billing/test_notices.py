"""Mails of notices: each reader once, in his language, and only who may see the balance."""

from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction

from billing import notices
from billing.models import Notice, NoticeMail
from products.models import Product, ProductAccess
from tests import builders, races
from wallet import chart
from wallet.models import Organisation, Role, User

AGAIN = timedelta(minutes=6)
LOW = {"balance": "4.500000", "threshold": "50.00", "currency": "USD", "days_left": "2", "code": "110"}
STOPPED = {
    "reason": "WALLET_TOO_LOW",
    "balance": "1.00",
    "threshold": "20.00",
    "wallet": "30.00",
    "floor": "25.00",
    "currency": "USD",
}
EVERYBODY = [Role.OWNER.value, Role.BILLING.value, Role.VIEWER.value]


@pytest.fixture
def acme(committed: None, now: datetime) -> Organisation:
    """Nothing older waits to be told, so that the counts of these tests are their own."""
    untold = Notice.objects.filter(mails__isnull=True)
    NoticeMail.objects.bulk_create([NoticeMail(notice=notice, claimed_at=now, sent_at=now) for notice in untold])
    NoticeMail.objects.filter(sent_at__isnull=True).update(sent_at=now)
    return builders.make_organisation(now=now)


@pytest.fixture
def product(committed: None) -> Product:
    return builders.make_product()


def tell(organisation: Organisation, *, now: datetime, **fields: Any) -> Notice:
    given = {"kind": Notice.Kind.LOW_BALANCE, "target": chart.WALLET, "facts": LOW, "roles": EVERYBODY, "at": now}
    return Notice.objects.create(organisation=organisation, **(given | fields))


def text_of(message: EmailMessage) -> str:
    return f"{message.subject}\n{message.body}"


def speak(user: User, language: str) -> User:
    user.language = language
    user.save()
    return user


def test_low_balance_is_told_once_to_each_reader(acme: Organisation, product: Product, now: datetime) -> None:
    vera = builders.make_member(acme, role=Role.VIEWER, now=now).user
    tell(acme, now=now, target=product.code)
    assert notices.send_due(now=now) == 2
    assert notices.send_due(now=now + AGAIN) == 0
    assert [message.to for message in mail.outbox] == [[builders.owner_of(acme).email], [vera.email]]
    assert {message.subject for message in mail.outbox} == {"WhatsApp is low: USD $4.50 left"}
    text = mail.outbox[0].body
    assert "USD $50.00" in text
    assert "lasts 2 days" in text
    assert 'code 110: "Account balance is insufficient"' in text


def test_links_lead_to_the_top_up_of_that_balance(
    acme: Organisation, product: Product, now: datetime, settings: LazySettings
) -> None:
    settings.SITE_URL = "https://pay.example.com/"
    tell(acme, now=now)
    tell(acme, now=now, target=product.code)
    notices.send_due(now=now)
    assert "Top up: https://pay.example.com/topup/" in mail.outbox[0].body
    assert f"Top up: https://pay.example.com/products/{product.slug}/topup/" in mail.outbox[1].body
    assert "https://pay.example.com/billing/alerts/" in mail.outbox[1].body


def test_each_reader_is_told_in_his_language(acme: Organisation, product: Product, now: datetime) -> None:
    Product.objects.filter(pk=product.pk).update(name_zh="瓦次普")
    speak(builders.make_member(acme, role=Role.BILLING, now=now).user, "zh-hans")
    tell(acme, now=now, target=product.code)
    notices.send_due(now=now)
    english, chinese = (text_of(message) for message in mail.outbox)
    assert "WhatsApp" in english
    assert "瓦次普" in chinese


def test_only_the_roles_chosen_are_told(acme: Organisation, now: datetime) -> None:
    builders.make_member(acme, role=Role.BILLING, now=now)
    builders.make_member(acme, role=Role.VIEWER, now=now)
    tell(acme, now=now, roles=[Role.OWNER.value])
    assert notices.send_due(now=now) == 1
    assert mail.outbox[0].to == [builders.owner_of(acme).email]


def test_who_may_not_see_the_product_is_not_told_of_it(acme: Organisation, product: Product, now: datetime) -> None:
    limited = builders.make_member(acme, role=Role.BILLING, now=now)
    ProductAccess.objects.create(member=limited)
    tell(acme, now=now, target=product.code)
    assert notices.send_due(now=now) == 1
    tell(acme, now=now)  # the wallet is everybody's
    assert notices.send_due(now=now) == 2


def test_who_has_left_or_is_deactivated_is_not_told(acme: Organisation, now: datetime) -> None:
    gone = builders.make_member(acme, role=Role.BILLING, now=now).user
    gone.is_active = False
    gone.save()
    builders.make_member(acme, role=Role.VIEWER, now=now).delete()
    tell(acme, now=now)
    assert notices.send_due(now=now) == 1


def test_notice_nobody_is_to_read_is_settled_without_a_mail(acme: Organisation, now: datetime) -> None:
    notice = tell(acme, now=now, roles=[])
    assert notices.send_due(now=now) == 0
    assert not mail.outbox
    assert notice.mails.get().reader is None
    builders.make_member(acme, role=Role.BILLING, now=now)
    assert notices.send_due(now=now + AGAIN) == 0


def test_stopped_auto_fill_is_told_with_its_reason(acme: Organisation, product: Product, now: datetime) -> None:
    tell(
        acme, now=now, kind=Notice.Kind.AUTO_FILL_STOPPED, target=product.code, facts=STOPPED, roles=[Role.OWNER.value]
    )
    assert notices.send_due(now=now) == 1
    [message] = mail.outbox
    assert message.subject == "Auto-fill of WhatsApp has stopped"
    assert "The wallet does not hold enough above its floor" in message.body
    assert "USD $30.00" in message.body


def test_callback_given_up_is_told_with_its_address(acme: Organisation, now: datetime) -> None:
    address = "https://hooks.example.com/innopaas"
    tell(acme, now=now, kind=Notice.Kind.CALLBACKS_FAILING, target="", facts={"address": address})
    assert notices.send_due(now=now) == 1
    assert address in mail.outbox[0].body


def test_every_kind_of_notice_has_a_mail() -> None:
    assert set(notices._TEMPLATES) == set(Notice.Kind)  # a new kind must not fail at night


def test_mail_that_could_not_be_sent_is_tried_again(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(acme, now=now)

    def fail(*_: Any, **__: Any) -> int:
        raise SMTPException("the post office is closed")

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", fail)
        assert notices.send_due(now=now) == 0
    left = NoticeMail.objects.get(notice__organisation=acme)
    assert (left.sent_at, left.attempts, left.error) == (None, 1, "the post office is closed")
    assert notices.send_due(now=now + timedelta(minutes=1)) == 0
    assert notices.send_due(now=now + AGAIN) == 1
    left.refresh_from_db()
    assert (left.sent_at, left.error, left.to) == (now + AGAIN, "", builders.owner_of(acme).email)


def test_mail_is_given_up_after_the_last_pause(acme: Organisation, now: datetime) -> None:
    tell(acme, now=now)
    notices.send_due(now=now)
    NoticeMail.objects.filter(notice__organisation=acme).update(sent_at=None, attempts=18)
    assert notices.send_due(now=now + timedelta(days=9)) == 0


def test_old_notices_are_not_told_any_more(acme: Organisation, now: datetime) -> None:
    tell(acme, now=now - timedelta(days=3, seconds=1))
    assert notices.send_due(now=now) == 0


def test_many_senders_at_once_tell_each_notice_once(acme: Organisation, now: datetime) -> None:
    wanted = {str(tell(acme, now=now).pk) for _ in range(races.scaled(5, full=200))}
    sent = races.run_at_once([lambda: notices.send_due(now=now, limit=1_000)] * 6)
    races.raise_failures(sent)
    assert sum(sent) == len(wanted)
    assert sorted(message.extra_headers["X-Notice"] for message in mail.outbox) == sorted(wanted)


def test_a_name_of_several_lines_adds_no_header(acme: Organisation, now: datetime, product: Product) -> None:
    Product.objects.filter(pk=product.pk).update(name="Whats\nBcc: eve@example.com")
    tell(acme, now=now, target=product.code)
    notices.send_due(now=now)
    assert "\n" not in mail.outbox[0].subject


def test_database_keeps_one_mail_a_reader(acme: Organisation, now: datetime) -> None:
    notice = tell(acme, now=now)
    NoticeMail.objects.create(notice=notice, claimed_at=now, sent_at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        NoticeMail.objects.create(notice=notice, claimed_at=now, sent_at=now)


def test_mail_outlives_an_outage_of_two_days_with_growing_pauses(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(acme, now=now)
    attempts = []

    def fail(*_: Any, **__: Any) -> int:
        raise SMTPException("the post office is closed")

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", fail)
        for quarter in range(2 * 24 * 4):
            moment = now + timedelta(minutes=15 * quarter)
            notices.send_due(now=moment)
            attempts.append(NoticeMail.objects.get(notice__organisation=acme).attempts)
    assert (attempts[1], attempts[4], attempts[-1] < 18) == (2, 4, True)
    assert notices.send_due(now=now + timedelta(days=2, hours=6)) == 1


def test_mail_tried_again_is_not_sent_to_somebody_who_left(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    vera = builders.make_member(acme, role=Role.VIEWER, now=now)
    tell(acme, now=now)

    def fail(*_: Any, **__: Any) -> int:
        raise SMTPException("the post office is closed")

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", fail)
        notices.send_due(now=now)
    vera.delete()
    assert notices.send_due(now=now + AGAIN) == 1
    assert [message.to for message in mail.outbox] == [[builders.owner_of(acme).email]]
    assert not NoticeMail.objects.filter(notice__organisation=acme, sent_at__isnull=True).exists()
