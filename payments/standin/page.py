"""The hosted page, as HTML. No JavaScript; every word from a person or a request is escaped."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from .cards import CARDS, KnownCard
from .sessions import cancel_address, page_path, success_address
from .store import Json

# fmt: off
_ZERO_DECIMAL = frozenset((
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof",
    "xpf",
))
# fmt: on
_SYMBOLS = {"usd": "$", "cny": "CN¥", "eur": "€", "gbp": "£", "jpy": "¥", "hkd": "HK$"}

_FRAME = Markup("""<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<p class="banner" id="stand-in">{banner}</p>
{body}
</body>
</html>
""")

_PAY = Markup("""<main class="two">
<section>
{back}
<h1>{pay_merchant}</h1>
<p class="amount" id="amount">{amount}</p>
<ul class="items">{items}<li class="sum"><span>{total}</span><span>{amount}</span></li></ul>
<p class="soft">{expires}</p>
</section>
<section class="panel">
{error}
<form method="post" action="{action}" novalidate autocomplete="on">
<h2>{contact}</h2>
<label for="email">{email_label}</label>
<input id="email" name="email" type="email" autocomplete="email" maxlength="800"
 value="{email}"{email_invalid}>
<fieldset>
<legend>{method}</legend>
{methods}
<div class="for-card">
<label for="card-number">{number}</label>
<input id="card-number" name="number" inputmode="numeric" autocomplete="cc-number" maxlength="40"
 placeholder="4242 4242 4242 4242"{number_invalid}>
<div class="pair">
<div><label for="card-expiry">{expiry_label}</label>
<input id="card-expiry" name="expiry" inputmode="numeric" autocomplete="cc-exp" maxlength="10"
 placeholder="12 / 34" value="{expiry}"{expiry_invalid}></div>
<div><label for="card-cvc">{cvc}</label>
<input id="card-cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" maxlength="4"
 placeholder="123"{cvc_invalid}></div>
</div>
</div>
<p class="for-bank soft">{bank_note}</p>
</fieldset>
<button id="pay" type="submit">{pay}</button>
</form>
<p class="soft">{never_real}</p>
<details{cards_open}>
<summary>{test_cards}</summary>
{cards}
</details>
</section>
</main>""")

_CHALLENGE = Markup("""<main>
<section class="panel single">
<h1 class="title">{challenge}</h1>
<p>{text}</p>
<form method="post" action="{action}">
<button id="complete" name="answer" value="complete">{complete}</button>
<button id="fail" name="answer" value="fail" class="second">{fail}</button>
</form>
</section>
</main>""")

_NOTICE = Markup("""<main>
<section class="panel single">
<h1 class="title">{title}</h1>
<p>{text}</p>
{link}
</section>
</main>""")

_INDEX = Markup("""<main>
<section class="panel">
<h1 class="title">{index_title}</h1>
<p>{index_text}</p>
<h2>{waiting}</h2>
{debits}
<h2>{test_cards}</h2>
{cards}
</section>
</main>""")

_DEBIT = Markup("""<form method="post" action="/">
<p>{amount} {reference}<br><small>{id}</small></p>
<input type="hidden" name="session" value="{id}">
<button name="outcome" value="succeeded">{succeeded}</button>
<button name="outcome" value="failed" class="second">{failed}</button>
</form>""")

_CARDS = Markup("""<p class="soft">{test_cards_note}</p>
<table>
<thead><tr><th scope="col">{number}</th><th scope="col">{result}</th></tr></thead>
<tbody>{rows}</tbody>
</table>""")

_ERROR = Markup('<div class="error" role="alert" id="error">{why}{gap}{not_charged}</div>')
_ITEM = Markup("<li><span>{name}{detail}</span><span>{amount}</span></li>")
_CHOICE = Markup(
    '<label class="choice">'
    '<input type="radio" id="method-{method}" name="method" value="{method}"{checked}> {name}</label>'
)
_INVALID = Markup(' aria-invalid="true" aria-describedby="error"')


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why the last submission did not pay: a key of the texts, and the field it is about."""

    key: str
    field: str | None = None


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What is shown again after a submission; never a card number."""

    email: str = ""
    expiry: str = ""
    method: str = "card"


def pay(session: Json, texts: Mapping[str, str], *, merchant: str, typed: Typed, trouble: Trouble | None) -> str:
    amount = money(session["amount_total"], session["currency"])
    until = datetime.fromtimestamp(session["expires_at"], tz=UTC).strftime("%Y-%m-%d %H:%M")
    field = trouble.field if trouble else None
    body = _PAY.format_map(
        {
            **texts,
            "action": page_path(session),
            "amount": amount,
            "back": _link(cancel_address(session), f"← {texts['back'].format(merchant=merchant)}", style=""),
            "bank_note": texts["bank_note"],
            "cards": _cards(texts),
            "cards_open": Markup(" open") if trouble and trouble.key == "error_test_mode_live_card" else "",
            "email": typed.email,
            "email_label": texts["email"],
            "error": _error(trouble, texts),
            "expires": texts["expires"].format(moment=until),
            "expiry": typed.expiry,
            "expiry_label": texts["expiry"],
            "items": Markup("").join(_item(item, texts) for item in session["_line_items"]),
            "methods": _methods(session["payment_method_types"], typed.method, texts),
            "pay": texts["pay"].format(amount=amount),
            "pay_merchant": texts["pay_merchant"].format(merchant=merchant),
            **{f"{name}_invalid": _INVALID if field == name else "" for name in ("email", "number", "expiry", "cvc")},
        }
    )
    return _framed(body, texts, title=texts["pay_merchant"].format(merchant=merchant))


def challenge(session: Json, texts: Mapping[str, str], *, merchant: str, challenge_id: str) -> str:
    amount = money(session["amount_total"], session["currency"])
    body = _CHALLENGE.format_map(
        {
            **texts,
            "action": f"{page_path(session)}/3ds/{challenge_id}",
            "text": texts["challenge_text"].format(amount=amount, merchant=merchant),
        }
    )
    return _framed(body, texts, title=texts["challenge"])


def closed(session: Json, texts: Mapping[str, str], *, merchant: str) -> str:
    """Say that a session is complete or expired."""
    onward = texts["continue"].format(merchant=merchant)
    if session["status"] == "expired":
        link = _link(cancel_address(session), texts["back"].format(merchant=merchant), style="button")
        return _notice(texts, "expired", link)
    name = "paid" if session["payment_status"] == "paid" else "processing"
    return _notice(texts, name, _link(success_address(session), onward, style="button"))


def index(debits: list[Json], texts: Mapping[str, str]) -> str:
    """What the stand-in is, and the bank debits somebody has to decide about."""
    forms = Markup("").join(
        _DEBIT.format_map(
            {
                **texts,
                "amount": money(session["amount_total"], session["currency"]),
                "reference": session["client_reference_id"] or "",
                "id": session["id"],
            }
        )
        for session in debits
    )
    none = Markup("<p>{}</p>").format(texts["none_waiting"])
    body = _INDEX.format_map({**texts, "cards": _cards(texts), "debits": forms or none})
    return _framed(body, texts, title=texts["index_title"])


def missing(texts: Mapping[str, str]) -> str:
    return _notice(texts, "missing", Markup(""))


def money(amount: object, currency: str) -> str:
    """Write an amount in the currency's smallest unit for people to read."""
    symbol = _SYMBOLS.get(currency, f"{currency.upper()} ")
    if not isinstance(amount, int):
        return f"{symbol}{amount}"
    if currency in _ZERO_DECIMAL:
        return f"{symbol}{amount:,}"
    return f"{symbol}{amount // 100:,}.{amount % 100:02}"


def _framed(body: str, texts: Mapping[str, str], *, title: str) -> str:
    return str(_FRAME.format(lang=texts["lang"], banner=texts["banner"], title=title, body=body))


def _notice(texts: Mapping[str, str], name: str, link: Markup) -> str:
    title = texts[f"{name}_title"]
    return _framed(_NOTICE.format(title=title, text=texts[f"{name}_text"], link=link), texts, title=title)


def _error(trouble: Trouble | None, texts: Mapping[str, str]) -> Markup:
    if trouble is None:
        return Markup("")
    why = texts.get(trouble.key, texts["error_other"])
    return _ERROR.format(why=why, gap=texts["gap"], not_charged=texts["not_charged"])


def _item(item: Json, texts: Mapping[str, str]) -> Markup:
    parts = [item["_detail"]] if item.get("_detail") else []
    if item["quantity"] > 1:
        parts.append(texts["quantity"].format(quantity=item["quantity"]))
    detail = Markup("<br><small>{}</small>").format(" · ".join(parts)) if parts else Markup("")
    return _ITEM.format(name=item["description"], detail=detail, amount=money(item["amount_total"], item["currency"]))


def _methods(offered: list[str], chosen: str, texts: Mapping[str, str]) -> Markup:
    return Markup("").join(
        _CHOICE.format(
            method=method,
            name=texts[method],
            checked=Markup(" checked") if method == chosen or len(offered) == 1 else "",
        )
        for method in offered
    )


def _cards(texts: Mapping[str, str]) -> Markup:
    rows = Markup("").join(_card_row(card, texts) for card in CARDS.values())
    return _CARDS.format_map({**texts, "rows": rows})


def _card_row(card: KnownCard, texts: Mapping[str, str]) -> Markup:
    key = card.decline.decline_code if card.decline else card.challenge or card.later or "ok"
    number = " ".join(card.number[place : place + 4] for place in range(0, 16, 4))
    return Markup("<tr><td>{}</td><td>{}</td></tr>").format(number, texts[f"card_{key}"])


def _link(address: str | None, text: str, *, style: str) -> Markup:
    if address is None:
        return Markup("")
    return Markup('<a id="onward" class="{}" href="{}">{}</a>').format(style, address, text)
