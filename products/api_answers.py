"""What the API says: one table of what can go wrong, one shape for all of it, and amounts as decimal strings."""

import unicodedata
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Annotated, Any, Final

from django.http import HttpRequest  # noqa: TID251  # part of the doors: it answers for views
from djmoney.money import Money
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from products import charges, numbers
from products.charges import INSUFFICIENT_CODE
from wallet.money import AmountError, parse_usage


class Problem(Enum):
    """What a request can meet. Codes are stable: callers decide by them. Messages are English for everybody."""

    INSUFFICIENT_BALANCE = (INSUFFICIENT_CODE, 402, "Account balance is insufficient")  # InnoPaaS' own code and words
    UNREADABLE_BODY = (4000, 400, "The body is not readable as JSON")
    UNAUTHENTICATED = (4010, 401, "The API key is missing, unknown or revoked")
    NOT_ALLOWED = (4030, 403, "This kind of API key may not do this")
    NOT_FOUND = (4040, 404, "There is nothing at this address")
    UNKNOWN_NUMBER = (4041, 404, "There is no such product number")
    UNKNOWN_HOLD = (4042, 404, "There is no such hold")
    METHOD_NOT_ALLOWED = (4050, 405, "This address does not take this method")
    REQUEST_ID_REUSED = (4090, 409, "The request id was used before, with other content")
    HOLD_ENDED = (4091, 409, "The hold has ended: it was captured, released or has expired")
    NOT_THAT_MUCH_HELD = (4092, 409, "Less than this amount is left in the hold")
    BODY_TOO_LARGE = (4130, 413, "The body is too large")
    INVALID = (4220, 422, "The request is not valid")
    TOO_MANY_REQUESTS = (4290, 429, "Too many requests: wait as many seconds as Retry-After says")
    FAILED = (5000, 500, "Something failed on our side: the same request may be sent again")
    UNAVAILABLE = (5030, 503, "The site is being worked on: send the same request again after Retry-After seconds")

    def __init__(self, code: int, status: int, message: str) -> None:
        self.code = code
        self.status = status
        self.message = message


class Refused(Exception):
    """The request is answered with a problem of the table; `headers` go with the answer."""

    def __init__(
        self,
        problem: Problem,
        message: str = "",
        *,
        field: str | None = None,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(problem.name)
        self.problem = problem
        self.error = ErrorBody(
            code=problem.code,
            name=problem.name,
            message=message or problem.message,
            field=field,
            request_id=request_id,
        )
        self.headers = headers or {}


class ErrorBody(BaseModel):
    """What went wrong. `code` and `name` are stable, `message` is for people."""

    code: int = Field(examples=[INSUFFICIENT_CODE])
    name: str = Field(examples=["INSUFFICIENT_BALANCE"])
    message: str = Field(examples=["Account balance is insufficient"])
    field: str | None = Field(default=None, description="Which part of the request it is about, if it is about one.")
    request_id: str | None = Field(default=None, description="The request id of the request refused, if it had one.")


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    error: ErrorBody


EVERYWHERE: Final = (Problem.UNAUTHENTICATED, Problem.NOT_ALLOWED, Problem.INVALID, Problem.TOO_MANY_REQUESTS)
IN_POSTS: Final = (*EVERYWHERE, Problem.UNREADABLE_BODY, Problem.BODY_TOO_LARGE)


def errors(*problems: Problem) -> dict[int, type[ErrorAnswer]]:
    """The errors of one operation, for its description; anything may fail on our side."""
    return {problem.status: ErrorAnswer for problem in (*problems, Problem.FAILED)}


def shown(money: Money) -> str:
    """Exact to six decimals, never rounded: the ledger holds no finer amount."""
    return f"{money.amount:.6f}"


def refuse_unknown(request: HttpRequest, known: Iterable[str]) -> None:
    """A filter that is misspelt or given twice would silently show something else than was asked for."""
    known = set(known)
    for name, values in request.GET.lists():
        if name not in known or len(values) > 1:
            what = "given twice" if name in known else "unknown"
            raise Refused(Problem.INVALID, f"This parameter is {what}.", field=name[:100])


class Given(BaseModel):
    """What a body brings: nothing unknown, nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Asked(BaseModel):
    """What an address asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_amount(text: str) -> str:
    try:
        parse_usage(text, "USD")  # the currency is the product's, which is not known yet
    except AmountError as error:
        raise ValueError(_SAID_OF["amount"]) from error
    return text


_NO_SIGN_OF_A_LINE: Final = {"Cc", "Cs", "Zl", "Zp"}
"""Controls, which PostgreSQL refuses in part (NUL), surrogates, which it refuses all, and ends of lines."""


def _check_line(text: str) -> str:
    if any(unicodedata.category(sign) in _NO_SIGN_OF_A_LINE for sign in text):
        raise ValueError("Write one line, without control characters and half characters (surrogates).")
    return text


Amount = Annotated[
    str,
    AfterValidator(_check_amount),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?!0(\.0+)?$)(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$",
            "description": "A decimal string above zero with at most 6 decimals; never a JSON number.",
            "examples": ["0.0525"],
        }
    ),
]
"""In the product's currency."""

RequestId = Annotated[
    str,
    Field(
        pattern=rf"^{charges.REQUEST_ID.pattern}$",
        description="Yours: the same request again changes nothing and gives the same answer.",
        examples=["sms-2026-07-15-000001"],
    ),
]

Number = Annotated[
    str, Field(pattern=rf"^{numbers.SHAPE.pattern}$", description="A product number.", examples=["100000000000008"])
]

Description = Annotated[
    str,
    AfterValidator(_check_line),
    Field(
        max_length=charges.LONGEST_DESCRIPTION,
        description="One line, which the customer reads beside the charge.",
        json_schema_extra={"pattern": r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]*$"},
    ),
]

Shown = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{6}$", examples=["12.345600"])]
"""An amount in an answer."""


_SAID_OF: Final = {
    "amount": 'Write the amount as a string above zero with at most 6 decimals, like "0.0525".',
    "request_id": 'Write 1 to 100 printable ASCII characters without blanks, like "sms-1".',
    "number": 'Write the 15 digits of a product number as a string, like "100000000000008".',
    "description": f"Write one line of at most {charges.LONGEST_DESCRIPTION} characters, as a string.",
    "after": "Write what `next` of the page before said.",
}
"""What a field wants, however it was missed."""

_SAID_OF_DAYS: Final = "Write a day from 2000-01-01 to 2099-12-31, like 2026-07-15."

_SAID: Final = {
    "missing": "This field is missing.",
    "extra_forbidden": "There is no such field here.",
    "string_type": "Write a string, in double quotation marks.",
    "int_type": "Write a whole number, without quotation marks.",
    "int_parsing": "Write a whole number.",
    "int_parsing_size": "This number is too large.",
    "greater_than_equal": "Write {ge} or more.",
    "less_than_equal": "Write {le} or less.",
    "list_type": "Write a list.",
    "too_short": "Give at least {min_length}.",
    "too_long": "Give at most {max_length}.",
    "literal_error": "Only {expected} can stand here.",
    "enum": "Only one of these can stand here: {expected}.",
    "model_type": "Write an object with named fields.",
    "model_attributes_type": "Write an object with named fields.",
    "dict_type": "Write an object with named fields.",
    "uuid_parsing": "Write an id as an answer of ours gave it.",
}
"""By the validator's names of what can be wrong."""


def describe(error: Mapping[str, Any]) -> tuple[str, str]:
    """The field a validation error is about, as `charges.3.amount`, and our own sentence about it."""
    where = [str(part) for part in error["loc"]]
    given = {"body", "query", "path", "given", "filters"}
    while where and where[0] in given:
        where.pop(0)
    return ".".join(where)[:200], _say(error, where[-1] if where else "")


def _say(error: Mapping[str, Any], field: str) -> str:
    kind = error["type"]
    if kind == "value_error":  # a sentence of ours already
        return str(error["msg"]).removeprefix("Value error, ")
    if field in _SAID_OF and kind not in {"missing", "extra_forbidden"}:
        return _SAID_OF[field]
    if field in {"from", "to"}:
        return _SAID_OF_DAYS
    return _SAID.get(kind, "This is not what can stand here.").format_map(error.get("ctx", {}))
