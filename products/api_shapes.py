"""What requests to products bring, and what they are answered."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from products import batches, charges, holds
from products.api_answers import (
    Amount,
    Asked,
    Description,
    ErrorBody,
    Given,
    Number,
    RequestId,
    Shown,
    shown,
)
from products.models import Hold

USUAL_HOLD = 3600

Limit = Annotated[int, Field(ge=1, le=200, description="How many at the most.")]


class ChargeGiven(Given):
    number: Number
    amount: Amount
    request_id: RequestId
    description: Description = ""


class BatchGiven(Given):
    charges: list[ChargeGiven] = Field(min_length=1, max_length=batches.LARGEST)


class HoldGiven(ChargeGiven):
    expires_in: int = Field(
        default=USUAL_HOLD,
        ge=int(holds.SHORTEST.total_seconds()),
        le=int(holds.LONGEST.total_seconds()),
        description="Seconds until what is left goes back by itself.",
    )


class CaptureGiven(Given):
    request_id: RequestId
    amount: Amount | None = Field(default=None, description="Left out: all that is still held.")


class BalancesAsked(Asked):
    number: Number | None = None


class EntriesAsked(Asked):
    number: Number | None = None
    balance: Literal["wallet"] | None = Field(default=None, description="The wallet, instead of a product number.")
    after: str | None = Field(
        default=None, pattern=r"^[1-9][0-9]{0,17}$", description="`next` of the page before; left out: the newest."
    )
    limit: Limit = 50


class ChargeAnswer(BaseModel):
    id: UUID
    number: Number
    request_id: str
    amount: Shown
    currency: str
    description: str
    balance_after: Shown
    charged_at: datetime

    @classmethod
    def of(cls, charge: charges.Charge, *, number: str) -> "ChargeAnswer":
        return cls(
            id=charge.id,
            number=number,
            request_id=charge.request_id,
            amount=shown(charge.amount),
            currency=charge.amount.currency.code,
            description=charge.description,
            balance_after=shown(charge.balance_after),
            charged_at=charge.charged_at,
        )


class BatchOutcome(BaseModel):
    """Either `charge` or `error`."""

    number: str
    request_id: str
    charge: ChargeAnswer | None = None
    error: ErrorBody | None = None


class BatchAnswer(BaseModel):
    """One outcome for each charge, in the order of the request."""

    outcomes: list[BatchOutcome]


class PlacementAnswer(BaseModel):
    """A hold as it was placed."""

    id: UUID
    number: Number
    request_id: str
    amount: Shown
    currency: str
    description: str
    balance_after: Shown
    placed_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, placement: holds.Placement, *, number: str) -> "PlacementAnswer":
        return cls(
            id=placement.id,
            number=number,
            request_id=placement.request_id,
            amount=shown(placement.amount),
            currency=placement.amount.currency.code,
            description=placement.description,
            balance_after=shown(placement.balance_after),
            placed_at=placement.placed_at,
            expires_at=placement.expires_at,
        )


class HoldAnswer(BaseModel):
    """A hold as it is now."""

    id: UUID
    number: Number
    request_id: str
    state: Annotated[str, Field(json_schema_extra={"enum": Hold.State.values})]
    amount: Shown
    captured: Shown
    released: Shown
    rest: Shown = Field(description="What is still held.")
    currency: str
    description: str
    placed_at: datetime
    expires_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, hold: Hold, *, number: str) -> "HoldAnswer":
        return cls(
            id=hold.pk,
            number=number,
            request_id=hold.request_id,
            state=hold.state,
            amount=shown(hold.amount),
            captured=shown(hold.captured),
            released=shown(hold.released),
            rest=shown(hold.rest),
            currency=hold.amount.currency.code,
            description=hold.description,
            placed_at=hold.created_at,
            expires_at=hold.expires_at,
            ended_at=hold.ended_at,
        )


class CaptureAnswer(BaseModel):
    id: UUID
    hold_id: UUID
    request_id: str
    amount: Shown
    currency: str
    captured_at: datetime

    @classmethod
    def of(cls, capture: holds.Capture) -> "CaptureAnswer":
        return cls(
            id=capture.id,
            hold_id=capture.hold_id,
            request_id=capture.request_id,
            amount=shown(capture.amount),
            currency=capture.amount.currency.code,
            captured_at=capture.captured_at,
        )


class ReleaseAnswer(BaseModel):
    id: UUID
    hold_id: UUID
    amount: Shown = Field(description="What went back to the balance.")
    currency: str
    balance_after: Shown
    released_at: datetime

    @classmethod
    def of(cls, release: holds.Release) -> "ReleaseAnswer":
        return cls(
            id=release.id,
            hold_id=release.hold_id,
            amount=shown(release.amount),
            currency=release.amount.currency.code,
            balance_after=shown(release.balance_after),
            released_at=release.released_at,
        )


class BalanceAnswer(BaseModel):
    """The wallet has neither number nor product."""

    balance: Literal["wallet", "product"]
    number: Number | None
    product: str | None
    currency: str
    available: Shown
    held: Shown


class BalancesAnswer(BaseModel):
    balances: list[BalanceAnswer]


class EntryAnswer(BaseModel):
    """One line of a balance: above zero came in, below zero went out."""

    id: UUID = Field(description="Of the charge, or of whatever else it was.")
    kind: str = Field(
        examples=["CHARGE"], description="TOP_UP, MOVE, CHARGE, HOLD, RELEASE or REVERSAL; more may come."
    )
    posted_at: datetime
    amount: Shown
    currency: str
    balance_after: Shown
    request_id: str | None = Field(description="Of a charge or a hold.")
    order_number: str | None
    description: str


class EntriesAnswer(BaseModel):
    """Newest first. `next` leads on; null: there is nothing older."""

    entries: list[EntryAnswer]
    next: str | None
