"""The hosted page's door: what a browser sends, and where it is sent next."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from werkzeug import Request, Response
from werkzeug.utils import redirect

from . import attempts, cards, page, sessions
from .context import Context, World
from .errors import CardDeclined, NotFound, Refused
from .page import Trouble, Typed
from .store import Json
from .texts import spoken

_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")
_STYLE = Path(__file__).with_name("style.css").read_bytes()
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


class EmailInvalid(Exception):
    pass


class Hosted:
    def __init__(self, world: World) -> None:
        self._world = world

    def style(self, _request: Request) -> Response:
        return Response(_STYLE, headers={"Cache-Control": "max-age=300"}, mimetype="text/css")

    def index(self, request: Request) -> Response:
        ctx = self._context()
        return _html(page.index(attempts.list_processing(ctx), spoken(request, None)))

    def settle(self, request: Request) -> Response:
        """Decide about a bank debit; one already decided stays as it is."""
        ctx = self._context()
        outcome = "succeeded" if request.form.get("outcome") == "succeeded" else "failed"
        with ctx.store.transaction(), suppress(NotFound, Refused):
            attempts.settle(ctx, request.form.get("session", ""), outcome=outcome)
        return redirect("/", 303)

    def show(self, request: Request, session_id: str) -> Response:
        ctx = self._context()
        with ctx.store.transaction():
            try:
                session = sessions.find(ctx, session_id)
            except NotFound:
                return self._missing(request)
        return self._page(request, session)

    def submit(self, request: Request, session_id: str) -> Response:
        """Pay. A second submission of a paid session goes on to the success address and charges nothing."""
        form = request.form
        typed = Typed(
            email=form.get("email", "").strip(),
            expiry=form.get("expiry", ""),
            method=form.get("method", "card"),
        )

        def pay(ctx: Context) -> attempts.Attempt:
            if not _EMAIL.match(typed.email) or len(typed.email) > 800:
                raise EmailInvalid
            if typed.method == "us_bank_account":
                return attempts.pay_by_bank_debit(ctx, session_id, email=typed.email)
            card = cards.read(number=form.get("number", ""), expiry=typed.expiry, cvc=form.get("cvc", ""), now=ctx.now)
            return attempts.pay_by_card(ctx, session_id, card=card, email=typed.email)

        return self._attempt(request, session_id, pay, typed)

    def ask(self, request: Request, session_id: str, challenge_id: str) -> Response:
        """Show the bank's question; one already answered leads back to the page."""
        ctx = self._context()
        with ctx.store.transaction():
            try:
                session = sessions.find(ctx, session_id)
            except NotFound:
                return self._missing(request)
        asked = session.get("_challenge")
        if session["status"] != "open" or asked is None or asked["id"] != challenge_id:
            return redirect(sessions.page_path(session), 303)
        texts = spoken(request, session["locale"])
        merchant = self._world.settings.merchant
        return _html(page.challenge(session, texts, merchant=merchant, challenge_id=challenge_id))

    def answer(self, request: Request, session_id: str, challenge_id: str) -> Response:
        reply = "complete" if request.form.get("answer") == "complete" else "fail"

        def answer(ctx: Context) -> attempts.Attempt:
            return attempts.answer_challenge(ctx, session_id, challenge=challenge_id, answer=reply)

        return self._attempt(request, session_id, answer, None)

    def _attempt(
        self, request: Request, session_id: str, work: Callable[[Context], attempts.Attempt], typed: Typed | None
    ) -> Response:
        ctx = self._context()
        trouble = None
        with ctx.store.transaction():
            try:
                session = sessions.find(ctx, session_id)
                if session["status"] == "open":
                    attempt = work(ctx)
                    if attempt.challenge is not None:
                        return redirect(f"{sessions.page_path(session)}/3ds/{attempt.challenge}", 303)
                    session = attempt.session
            except EmailInvalid:
                trouble = Trouble(key="error_email", field="email")
            except CardDeclined as error:
                trouble = _trouble(error)
            except NotFound:
                return self._missing(request)
        if session["status"] == "complete":
            return redirect(sessions.success_address(session), 303)
        return self._page(request, session, typed=typed, trouble=trouble)

    def _page(
        self, request: Request, session: Json, *, typed: Typed | None = None, trouble: Trouble | None = None
    ) -> Response:
        texts, merchant = spoken(request, session["locale"]), self._world.settings.merchant
        if session["status"] != "open":
            return _html(page.closed(session, texts, merchant=merchant))
        typed = typed or Typed(email=session["customer_email"] or "")
        body = page.pay(session, texts, merchant=merchant, typed=typed, trouble=trouble)
        return _html(body, status=200 if trouble is None else 402)

    def _missing(self, request: Request) -> Response:
        return _html(page.missing(spoken(request, None)), status=404)

    def _context(self) -> Context:
        return Context(world=self._world, now=self._world.now)


def _trouble(error: CardDeclined) -> Trouble:
    """By the bank's reason, or by what is wrong with the form."""
    name = error.decline_code or error.code or "other"
    return Trouble(key=f"error_{name}", field=error.param)


def _html(body: str, *, status: int = 200) -> Response:
    return Response(body, status, _HEADERS, mimetype="text/html")
