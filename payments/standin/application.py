"""The WSGI application: the API, the hosted page and the tests' controls under one roof."""

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from .api import Api, ConnectionDropped
from .context import World
from .controls import Controls
from .hosted import Hosted

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class SmallRequest(Request):
    max_content_length = 1_000_000
    max_form_memory_size = 1_000_000
    max_form_parts = 1000


class Application:
    def __init__(self, world: World) -> None:
        self._api = Api(world)
        hosted, controls = Hosted(world), Controls(world)
        self._addresses = Map(
            [
                _get("/", hosted.index),
                _post("/", hosted.settle),
                _get("/style.css", hosted.style),
                _get("/c/pay/<session_id>", hosted.show),
                _post("/c/pay/<session_id>", hosted.submit),
                _get("/c/pay/<session_id>/3ds/<challenge_id>", hosted.ask),
                _post("/c/pay/<session_id>/3ds/<challenge_id>", hosted.answer),
                _get("/_standin/switches", controls.show_switches),
                _post("/_standin/switches", controls.turn_switches),
                _post("/_standin/reset", controls.reset),
                _get("/_standin/deliveries", controls.show_deliveries),
                _post("/_standin/deliver", controls.deliver),
                _post("/_standin/settle", controls.settle),
                _post("/_standin/expire", controls.expire),
                _post("/_standin/tamper", controls.tamper),
                _post("/_standin/refund", controls.refund),
                _post("/_standin/settle_refund", controls.settle_refund),
                _post("/_standin/dispute", controls.dispute),
                _post("/_standin/decide_dispute", controls.decide_dispute),
                _post("/_standin/pay_out", controls.pay_out),
                _post("/_standin/move_payout", controls.move_payout),
                _post("/_standin/adjust", controls.adjust),
            ]
        )

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        try:
            response = self._respond(SmallRequest(environ))
        except ConnectionDropped:
            _hang_up(environ)
            raise
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path.startswith("/v1/"):
            return self._api.respond(request)
        try:
            door, names = self._addresses.bind_to_environ(request.environ).match()
            answer: Response = door(request, **names)
        except HTTPException as error:
            return Response(f"{error.code} {error.name}\n", error.code, mimetype="text/plain")
        return answer


def _get(address: str, door: Any) -> Rule:
    return Rule(address, methods=["GET"], endpoint=door)


def _post(address: str, door: Any) -> Rule:
    return Rule(address, methods=["POST"], endpoint=door)


def _hang_up(environ: "WSGIEnvironment") -> None:
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
