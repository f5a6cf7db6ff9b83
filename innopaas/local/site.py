"""The demo site's settings, and what is printed when it is up."""

import os
from collections.abc import Mapping

from innopaas.local import environment, leftovers, ports
from innopaas.local.servers import Servers

_PEOPLE = (
    ("alice@example.com", "owner of Acme Messaging"),
    ("bob@example.com", "owner of another organisation"),
    ("carol@example.com", "owner of Harbour Logistics, with six weeks of orders, refunds and fapiao"),
    ("dan@example.com", "owner of Lantern Games, whose payments were disputed"),
    ("fiona@example.com", "finance"),
    ("felix@example.com", "finance"),
    ("frank@example.com", "finance lead"),
    ("olivia@example.com", "ops"),
    ("admin@example.com", "administrator"),
)


def settings(servers: Servers, *, host: str, port: int) -> dict[str, str]:
    home, here = servers.folder, f"http://127.0.0.1:{port}"
    stripe_port = ports.choose(servers.memory, "stripe")
    made = {
        **environment.keys(servers.memory),
        **servers.addresses(database="innopaas", broker=0),
        "ALLOWED_HOSTS": "*" if environment.is_wildcard(host) else f"127.0.0.1,localhost,[::1],{host}",
        "SITE_URL": here,
        "EMAIL_URL": f"file:///{home / 'mails'}",
        "MEDIA_ROOT": str(home / "media"),
        "DEMO_PASSWORD": "innopaas-demo",
        "STRIPE_WEBHOOK_URL": f"{here}/payments/stripe/webhook/",
    }
    # With a key of his own the person means Stripe itself, and says so with STRIPE_API_BASE if he does not.
    if not os.environ.get("STRIPE_SECRET_KEY"):
        made["STRIPE_API_BASE"] = f"http://127.0.0.1:{stripe_port}"
    fixed = {leftovers.MARK: str(home), "HOST": host, "PORT": str(port), "STRIPE_PORT": str(stripe_port)}
    return {**environment.merge(made), **fixed}


def stand_in_url(settings: Mapping[str, str]) -> str:
    return f"http://127.0.0.1:{settings['STRIPE_PORT']}"


def welcome(settings: Mapping[str, str]) -> str:
    width = max(len(mail) for mail, _ in _PEOPLE)
    people = [f"    {mail.ljust(width)}  {what}" for mail, what in _PEOPLE]
    return "\n".join(
        [
            "",
            "InnoPaaS Top-up is up.",
            f"  site              {settings['SITE_URL']}/",
            f"  admin             {settings['SITE_URL']}/admin/",
            _say_stripe(settings),
            f"  mails it sent     {settings[leftovers.MARK]}/mails",
            f"  servers' logs     {settings[leftovers.MARK]}/log",
            f"  log in with the password {settings['DEMO_PASSWORD']} as",
            *people,
            "  Ctrl-C stops everything; the data stays.",
            "",
        ]
    )


def _say_stripe(settings: Mapping[str, str]) -> str:
    asked = settings.get("STRIPE_API_BASE")
    if asked == stand_in_url(settings):
        return f"  Stripe stand-in   {asked}/  (test cards only: 4242 4242 4242 4242 pays)"
    return f"  Stripe            {asked or 'Stripe itself'}, with a key of your own"
