"""What no password of ours may be, beyond Django's rules: our own words, and what has been in a breach.

Have I Been Pwned is asked by its range interface: five of the forty signs of a SHA-1 leave the site, never the password
and nothing about whose it is. Django's packages for it bring an HTTP client and four more libraries into production.
"""

import hashlib
import logging
import re
from typing import Any, Final

import requests
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)

OWN_WORDS: Final = (
    "innopaas", "top-up", "topup", "recharge", "prepaid", "balance", "wallet", "payment", "billing", "messaging",
    "whatsapp", "voice", "sms", "otp", "alipay", "wechat", "unionpay", "stripe", "chongzhi", "yue", "qianbao",
    "充值", "余额", "钱包",
)  # fmt: skip
"""What somebody who guesses tries at this very site."""

_FEWEST_OTHER: Final = 6
_SIGNS: Final = str.maketrans("013457@$!", "oieastasi")
_TIMEOUT_SECONDS: Final = 2
_LARGEST_ANSWER: Final = 256 * 1024


class OwnWordsValidator:
    """Refuses our words with little else: `InnoPaaS-2026!`, `Wh4tsapp123`."""

    def validate(self, password: str, user: Any = None) -> None:  # noqa: ARG002  # Django's contract
        typed = password.casefold()
        read = typed.translate(_SIGNS)
        left = typed
        for word in OWN_WORDS:
            for found in re.finditer(re.escape(word), read):
                left = left[: found.start()] + " " * len(word) + left[found.end() :]
        if left != typed and len(re.sub(r"[\W\d_]", "", left)) < _FEWEST_OTHER:
            raise ValidationError(
                _("This password is little more than our own names. Add some words of your own."),
                code="own_words",
            )

    def get_help_text(self) -> str:
        return _("It must not be little more than our own names, such as InnoPaaS or SMS.")


class BreachedPasswordValidator:
    """Refuses what BREACHED_PASSWORDS_URL knows. When that does not answer, the password passes and a line says so:
    who cannot reach it must still be able to replace a stolen password.
    """

    def validate(self, password: str, user: Any = None) -> None:  # noqa: ARG002  # Django's contract
        if settings.BREACHED_PASSWORDS_URL and _is_breached(password):
            raise ValidationError(
                _("This password has become known in a breach of another site. Choose one that you use nowhere else."),
                code="breached",
            )

    def get_help_text(self) -> str:
        return _("It must not be one that another site has leaked.")


def _is_breached(password: str) -> bool:
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        known = _fetch(digest[:5])
    except requests.RequestException as error:
        logger.warning("breached passwords cannot be looked up: %s", type(error).__name__)
        return False
    return any(suffix == digest[5:] and count.strip() not in {"", "0"} for suffix, _colon, count in known)


def _fetch(prefix: str) -> list[tuple[str, str, str]]:
    """The suffixes that begin so, with how often each was seen; padded with ones that never were (count 0)."""
    with requests.get(
        f"{settings.BREACHED_PASSWORDS_URL}{prefix}",
        headers={"Add-Padding": "true", "User-Agent": "InnoPaaS"},
        timeout=_TIMEOUT_SECONDS,
        allow_redirects=False,
        stream=True,
    ) as answer:
        if answer.status_code != requests.codes.ok:
            raise requests.HTTPError(str(answer.status_code))
        body = b""
        for chunk in answer.iter_content(_LARGEST_ANSWER):  # each as large as the server sent it
            body += chunk
            if len(body) > _LARGEST_ANSWER:
                raise requests.RequestException("too large")
    return [line.partition(":") for line in body.decode("ascii", "replace").splitlines()]
