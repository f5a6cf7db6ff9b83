"""`python -m payments.standin`: run the stand-in until it is told to stop."""

import argparse
import ipaddress
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from . import refunds, sessions
from .application import Application
from .context import Context, World
from .deliveries import Courier
from .session_parameters import PAYMENT_METHODS
from .settings import Fee, FeeUnreadable, Settings
from .store import DataFileUnusable, Store
from .switches import Delivery, Switches


class QuietHandler(WSGIRequestHandler):
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 -- werkzeug's name
        if type == "error":
            sys.stderr.write(f"{message % args}\n")


@dataclass(frozen=True, kw_only=True)
class Options:
    host: str
    port: int
    port_file: Path | None
    settings: Settings
    delivery: Delivery
    data: str | None


def main(arguments: list[str] | None = None) -> None:
    options = _read(arguments)
    try:
        store = Store(options.data)
    except (DataFileUnusable, OSError) as error:
        _give_up(f"The data file cannot be used: {error}")
    world = World(
        store=store,
        switches=Switches(initial=options.delivery),
        settings=options.settings,
        wake=threading.Event(),
    )
    server = _listen(options, world)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    threading.excepthook = _end_loudly
    Courier(world).start()
    threading.Thread(target=_pass_time, args=(world,), daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _announce(options, server)
    stopped.wait()
    sys.stdout.flush()
    os._exit(0)


def _read(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m payments.standin", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=12111, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="the port is written here once the stand-in is ready")
    parser.add_argument("--data", help="an SQLite file; without one everything is forgotten at the end")
    parser.add_argument("--webhook-url")
    parser.add_argument("--webhook-secret", default=Delivery.webhook_secret)
    parser.add_argument("--account-fee", default="2.9%+30", help="percent and smallest units; default 2.9%%+30")
    parser.add_argument(
        "--payment-methods",
        default=",".join(Settings.payment_methods),
        help="for sessions that name none: card, us_bank_account",
    )
    parser.add_argument("--merchant", default=Settings.merchant, help="the name on the hosted page")
    parser.add_argument(
        "--refunds-end-after",
        type=int,
        default=Settings.refunds_end_after,
        help="seconds until refunds to the cards that take their time succeed, or fail",
    )
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input is closed")
    given = parser.parse_args(arguments)
    if not _is_loopback(given.host):
        parser.error("the stand-in listens on loopback only, for example 127.0.0.1")
    methods = tuple(given.payment_methods.split(","))
    if not set(methods) <= set(PAYMENT_METHODS):
        parser.error(f"payment methods are {', '.join(PAYMENT_METHODS)}")
    try:
        fee = Fee.parse(given.account_fee)
    except FeeUnreadable as error:
        parser.error(str(error))
    if given.stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    return Options(
        host=given.host,
        port=given.port,
        port_file=given.port_file,
        settings=Settings(
            fee=fee, payment_methods=methods, merchant=given.merchant, refunds_end_after=given.refunds_end_after
        ),
        delivery=Delivery(webhook_url=given.webhook_url, webhook_secret=given.webhook_secret),
        data=given.data,
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(options: Options, world: World) -> BaseWSGIServer:
    try:
        return make_server(options.host, options.port, Application(world), threaded=True, request_handler=QuietHandler)
    except (OSError, SystemExit):
        _give_up(f"Port {options.port} on {options.host} is taken.")


def _announce(options: Options, server: BaseWSGIServer) -> None:
    if options.port_file is not None:
        draft = options.port_file.with_name(options.port_file.name + ".draft")
        draft.write_text(f"{server.port}\n")
        draft.replace(options.port_file)
    host = f"[{options.host}]" if ":" in options.host else options.host
    sys.stdout.write(f"Stripe stand-in ready on http://{host}:{server.port} (test mode, no real money)\n")
    sys.stdout.flush()


def _pass_time(world: World) -> NoReturn:
    while True:
        sessions.expire_due(Context(world=world, now=world.now))
        refunds.settle_due(Context(world=world, now=world.now))
        time.sleep(1)


def _end_loudly(crash: threading.ExceptHookArgs) -> None:
    """End the process: without one of its threads the stand-in would silently do half its work."""
    traceback.print_exception(crash.exc_type, crash.exc_value, crash.exc_traceback)
    os._exit(1)


def _stop_with_stdin() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


def _give_up(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(1)


if __name__ == "__main__":
    main()
