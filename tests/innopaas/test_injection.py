"""What people type is run by nobody: not by mail servers, spreadsheets, pages, nor by the calls we make for them."""

from pathlib import Path
from typing import Final

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from billing import callback_calls
from billing.callback_calls import BadAddress
from tests import people
from wallet import organisations
from wallet.models import Member

pytestmark = pytest.mark.django_db

PROJECT: Final = Path(__file__).parents[2]
ENDS: Final = ("\r\n", "\n", "\r", "\u2028", "\x85", "\x0b", "%0d%0a", "\\r\\n")
ADDED: Final = "Bcc: eve@example.com"


@pytest.fixture
def alice() -> Member:
    return people.make_owner()


@pytest.mark.parametrize("end", ENDS)
def test_no_name_adds_a_header_to_a_mail(end: str, alice: Member) -> None:
    """Sign-up, invitation and every mail after it carry names that people gave themselves."""
    name = f"Nina{end}{ADDED}{end}{end}<b>body</b>"
    form = {"organisation": name, "name": name, "email": "nina@example.com"}
    Client().post(reverse("account_signup"), form | {"password1": people.PASSWORD, "password2": people.PASSWORD})
    organisations.create(name=name, owner=alice.user, now=people.LONG_AGO)
    client = Client()
    client.force_login(alice.user)
    own = Member.objects.filter(user=alice.user).order_by("-pk")[0].organisation
    client.post(reverse("wallet:switch"), {"organisation": str(own.pk)})
    client.post(reverse("wallet:invite"), {"email": "dora@example.com", "role": "VIEWER"})
    assert len(mail.outbox) == 2
    for message in mail.outbox:
        sent = message.message()
        assert sent["Bcc"] is None
        assert message.recipients() in (["nina@example.com"], ["dora@example.com"])
        assert not any(line.startswith(ADDED) for line in sent.as_string().split("\n\n")[0].splitlines())


@pytest.mark.parametrize("end", ENDS)
def test_no_address_adds_a_recipient(end: str, alice: Member) -> None:
    client = Client()
    client.force_login(alice.user)
    for page, form in [("wallet:invite", {"role": "VIEWER"}), ("account_reset_password", {}), ("account_signup", {})]:
        client.post(reverse(page), {"email": f"dora@example.com{end}{ADDED}", **form})
        client.post(reverse(page), {"email": f"dora@example.com,eve@example.com{end}", **form})
    assert not [who for message in mail.outbox for who in message.recipients() if "eve" in who]


def test_every_module_that_writes_a_csv_disarms_what_people_typed() -> None:
    writers = [
        path
        for app in ("wallet", "products", "billing", "payments", "innopaas")
        for path in (PROJECT / app).rglob("*.py")
        if "csv.writer(" in path.read_text("utf-8")
    ]
    assert len(writers) >= 2
    assert [path.name for path in writers if "disarm" not in path.read_text("utf-8")] == []


HOSTS: Final = (
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.00", "localhost", "localhost.",
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "169.254.169.254.", "192.0.0.192",
    "168.63.129.16", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "203.0.113.1",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1]",
    "[fe80::1%25lo]", "[fc00::1]", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::]", "[2001:0:a9fe:a9fe::1]", "[2001:db8::1]", "[ff02::1]", "[fec0::1]", "[100::1]",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "1.1.1.1@127.0.0.1", "127.0.0.1#@example.com",
    "127.0.0.1\\@example.com", "metadata", "intranet",
)  # fmt: skip
"""Nobody on the public internet, however it is written: dotted, short, whole, octal and hexadecimal numbers, IPv4 in
IPv6 (mapped, compatible, NAT64, 6to4, Teredo), cloud metadata, multicast, documentation, other scripts' digits.
"""


@pytest.mark.parametrize("host", HOSTS)
def test_no_callback_is_taken_for_a_private_address_however_it_is_written(host: str) -> None:
    with pytest.raises(BadAddress):
        callback_calls.tidy_address(f"https://{host}/callbacks")


@pytest.mark.parametrize("scheme", ["http", "file", "gopher", "ftp", "dict", "ldap", "javascript", "data", ""])
def test_no_callback_is_taken_for_another_protocol(scheme: str) -> None:
    with pytest.raises(BadAddress):
        callback_calls.tidy_address(f"{scheme}://example.com/callbacks")


@pytest.mark.parametrize("path", ["/a\r\nX-Evil: 1", "/a%0d%0aX-Evil:%201", "/a b", "/?x=\n", "/\x00"])
def test_no_path_of_a_callback_adds_a_header_to_the_call(path: str) -> None:
    try:
        address = callback_calls.tidy_address(f"https://example.com{path}")
    except BadAddress:
        return
    assert not set(address) & set("\r\n\t \x00")


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_no_form_leads_to_another_site(where: str, alice: Member) -> None:
    client = Client()
    login = client.post(
        reverse("account_login"), {"login": alice.user.email, "password": people.PASSWORD, "next": where}
    )
    chosen = client.post(reverse("wallet:language"), {"language": "en", "next": where})
    for answer in (login, chosen, client.post(reverse("account_logout"), {"next": where})):
        assert answer.status_code == 302
        assert "evil" not in answer["Location"]
        assert not answer["Location"].startswith("javascript")
