"""What a part of a balance is worth in the currency it was paid in: all parts of an order sum to what was paid."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from djmoney.money import Money

from billing.models import Order
from wallet.money import round_half_up


@dataclass(frozen=True, kw_only=True)
class Left:
    """What no refund has taken of an order yet: `amount` of what it credited, `worth` of what was paid for that."""

    paid: Money
    credited: Money
    rate: Decimal
    amount: Money
    worth: Money

    def at_rate(self, amount: Money) -> Money:
        return Money(amount.amount * self.rate, self.paid.currency)


def find_worth(order: Order, amount: Money) -> Money:
    """What the customer gets for this amount of the balance: in the currency he paid in, at the order's own rate."""
    counting = list(order.refunds.counting())
    left = Left(
        paid=order.paid,
        credited=order.credited,
        rate=order.rate or Decimal(1),
        amount=order.credited - sum((each.amount for each in counting), start=Money(0, order.credited.currency)),
        worth=order.paid - sum((each.back for each in counting), start=Money(0, order.paid.currency)),
    )
    return reckon(amount, left=left)


def reckon(amount: Money, *, left: Left) -> Money:
    """Rounded over all refunds of the order together, and within a cent of what the amount alone is worth.

    Refunds that end in nothing leave what they were rounded by to the others. So that this never adds up to more than
    was paid, or leaves nothing for the last of them, every part and every rest lies between what the rate, rounded down
    and up to a whole number, makes it worth: then the last part is worth all that is left, and that is above zero.
    """
    if amount >= left.amount:
        return left.worth
    cent = Money("0.01", left.paid.currency)
    given, taken = left.paid - left.worth, left.credited - left.amount
    alone, together = round_half_up(left.at_rate(amount)), round_half_up(left.at_rate(taken + amount))
    wanted = min(max(together - given, alone - cent), alone + cent)
    return min(max(wanted, _least(amount, left)), _most(amount, left))


def _least(amount: Money, left: Left) -> Money:
    down, up = _whole_rates(left)
    return Money(max(amount.amount * down, left.worth.amount - (left.amount - amount).amount * up), left.paid.currency)


def _most(amount: Money, left: Left) -> Money:
    down, up = _whole_rates(left)
    return Money(min(amount.amount * up, left.worth.amount - (left.amount - amount).amount * down), left.paid.currency)


def _whole_rates(left: Left) -> tuple[Decimal, Decimal]:
    """What was paid for one credited, rounded down and up."""
    rate = Decimal(left.paid.amount / left.credited.amount)
    return rate.to_integral_value(ROUND_FLOOR), rate.to_integral_value(ROUND_CEILING)
