"""How log lines look: one line each, readable in DEBUG, JSON in production, with the request's id and user. Whatever
people typed stays within the line: no line end, no colour and no turn of a terminal comes out of it.
"""

import re
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

_UNPRINTED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters of both ranges, line and paragraph ends, and the marks that turn the direction of writing."""

_OUR_OWN_LINES: Final = {"exception", "stack"}
"""Python's own tracebacks have many lines in DEBUG; in JSON they are one."""


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def keep_in_line(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Values are made texts and lose what would leave the line; numbers and the like stay what they are."""
    for key, value in event.items():
        if key not in _OUR_OWN_LINES and not isinstance(value, int | float | None):
            event[key] = _UNPRINTED.sub(_escape, str(value))
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(*, level: str, renderer: Any) -> dict[str, Any]:
    """Set structlog up and return Django's LOGGING; both kinds of logger end in the same lines."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    keep_in_line,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "django_structlog": {"level": "WARNING" if level == "INFO" else level},
            "stripe": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }


def readable() -> Any:
    return structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, sort_keys=False)


def json() -> Any:
    return structlog.processors.JSONRenderer(ensure_ascii=False)
