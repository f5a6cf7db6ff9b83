"""What is chosen at the start and holds for the life of the process."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_FEE = re.compile(r"^\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*\+\s*([0-9]+)\s*$")


class FeeUnreadable(ValueError):
    pass


@dataclass(frozen=True, kw_only=True)
class Fee:
    """A share of the amount and a fixed part in the currency's smallest unit, rounded half up."""

    percent: Decimal
    fixed: int

    @classmethod
    def parse(cls, text: str) -> "Fee":
        match = _FEE.match(text)
        if match is None:
            raise FeeUnreadable(f"{text!r} is no fee; write it as 2.9%+30")
        return cls(percent=Decimal(match[1]), fixed=int(match[2]))

    def on(self, amount: int) -> int:
        share = (Decimal(amount) * self.percent / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        return int(share) + self.fixed


@dataclass(frozen=True, kw_only=True)
class Settings:
    fee: Fee
    merchant: str = "InnoPaaS"
    payment_methods: tuple[str, ...] = ("card", "us_bank_account")
    """offered when a session does not name its own, as on Stripe's dashboard"""
    refunds_end_after: int = 30
    """seconds after which refunds to the cards that take their time come to their end by themselves"""
