"""What the API answers when it does not do what was asked, in Stripe's shape."""

from typing import Any


class ApiError(Exception):
    """An answer with `{"error": …}`. The subclass says whether an idempotency key remembers it."""

    status = 400
    kind = "invalid_request_error"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param

    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"type": self.kind, "message": self.message}
        if self.code is not None:
            error["code"] = self.code
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


class InvalidRequest(ApiError):
    """Nothing was begun, so an idempotency key does not remember it."""


class Unauthorized(InvalidRequest):
    status = 401


class NotFound(InvalidRequest):
    status = 404

    @classmethod
    def of(cls, *, noun: str, id_: str, param: str = "id") -> "NotFound":
        return cls(f"No such {noun}: '{id_}'", code="resource_missing", param=param)


class KeyReused(InvalidRequest):
    """The same idempotency key came with other parameters."""

    kind = "idempotency_error"


class KeyInUse(InvalidRequest):
    """The first request with this idempotency key is still running."""

    status = 409
    kind = "idempotency_error"


class RateLimited(InvalidRequest):
    status = 429


class ServerFault(ApiError):
    status = 500
    kind = "api_error"


class Refused(ApiError):
    """The request was in order but the state of things forbids it; remembered under the key."""


class CardDeclined(Refused):
    """What was recorded of the attempt stays recorded."""

    status = 402
    kind = "card_error"

    def __init__(self, message: str, *, code: str, decline_code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, code=code, param=param)
        self.decline_code = decline_code

    def body(self) -> dict[str, Any]:
        body = super().body()
        if self.decline_code is not None:
            body["error"]["decline_code"] = self.decline_code
        return body
