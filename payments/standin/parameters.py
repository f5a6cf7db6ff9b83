"""Form parameters: `a[b][0][c]=v` to a tree, and the tree against a schema, with Stripe's errors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .errors import InvalidRequest

Json = dict[str, Any]

_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_INTEGER = re.compile(r"^-?[0-9]{1,18}$")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")


@dataclass(frozen=True, kw_only=True)
class Field:
    required: bool = False

    def read(self, value: Any, *, name: str) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Text(Field):
    longest: int = 5000
    choices: tuple[str, ...] = ()

    def read(self, value: Any, *, name: str) -> str | None:
        if not isinstance(value, str):
            raise InvalidRequest(f"Invalid string: {name}", code="parameter_invalid", param=name)
        if value == "":
            return None
        if len(value) > self.longest:
            raise InvalidRequest(
                f"Invalid string: {name} must be at most {self.longest} characters.",
                code="parameter_invalid_string_too_long",
                param=name,
            )
        if self.choices and value not in self.choices:
            raise InvalidRequest(f"Invalid {name}: must be one of {', '.join(self.choices)}", param=name)
        return value


@dataclass(frozen=True, kw_only=True)
class Address(Text):
    """An absolute http or https address."""

    def read(self, value: Any, *, name: str) -> str | None:
        text = super().read(value, name=name)
        if text is not None:
            try:
                parts = urlsplit(text)
            except ValueError:
                parts = urlsplit("")
            if parts.scheme not in {"http", "https"} or not parts.netloc:
                raise InvalidRequest("Not a valid URL", code="url_invalid", param=name)
        return text


@dataclass(frozen=True, kw_only=True)
class Email(Text):
    longest: int = 800

    def read(self, value: Any, *, name: str) -> str | None:
        text = super().read(value, name=name)
        if text is not None and not _EMAIL.match(text):
            raise InvalidRequest(f"Invalid email address: {text}", code="email_invalid", param=name)
        return text


@dataclass(frozen=True, kw_only=True)
class Integer(Field):
    least: int | None = None
    most: int | None = None

    def read(self, value: Any, *, name: str) -> int:
        if not isinstance(value, str) or not _INTEGER.match(value):
            raise InvalidRequest(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
        number = int(value)
        if self.least is not None and number < self.least:
            message = f"This value must be greater than or equal to {self.least}."
            raise InvalidRequest(message, code="parameter_invalid_integer", param=name)
        if self.most is not None and number > self.most:
            message = f"This value must be less than or equal to {self.most}."
            raise InvalidRequest(message, code="parameter_invalid_integer", param=name)
        return number


@dataclass(frozen=True, kw_only=True)
class Truth(Field):
    def read(self, value: Any, *, name: str) -> bool:
        if value not in {"true", "false"}:
            raise InvalidRequest(f"Invalid boolean: {value}", code="parameter_invalid", param=name)
        return bool(value == "true")


@dataclass(frozen=True, kw_only=True)
class Many(Field):
    of: Field
    most: int = 100

    def read(self, value: Any, *, name: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, dict):
            raise InvalidRequest("Invalid array", code="parameter_invalid", param=name)
        if len(value) > self.most:
            raise InvalidRequest(f"Array {name} exceeded maximum {self.most} elements.", param=name)
        return [self.of.read(item, name=f"{name}[{key}]") for key, item in value.items()]


@dataclass(frozen=True, kw_only=True)
class Group(Field):
    fields: Mapping[str, Field]

    def read(self, value: Any, *, name: str) -> Json:
        if not isinstance(value, dict):
            raise InvalidRequest("Invalid object", code="parameter_invalid", param=name)
        return check(value, self.fields, prefix=name)


@dataclass(frozen=True, kw_only=True)
class Metadata(Field):
    """At most 50 keys of at most 40 characters, values of at most 500; an empty value unsets."""

    def read(self, value: Any, *, name: str) -> dict[str, str]:
        if value == "":
            return {}
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise InvalidRequest("Invalid object", code="parameter_invalid", param=name)
        if len(value) > 50 or any(len(key) > 40 or len(text) > 500 for key, text in value.items()):
            raise InvalidRequest("Metadata has too many or too long entries.", param=name)
        return {key: text for key, text in value.items() if text != ""}


@dataclass(frozen=True, kw_only=True)
class Created(Field):
    """A moment, or bounds `[gt]`, `[gte]`, `[lt]`, `[lte]`."""

    bounds: Group = field(
        default_factory=lambda: Group(fields={name: Integer() for name in ("gt", "gte", "lt", "lte")})
    )

    def read(self, value: Any, *, name: str) -> dict[str, int]:
        if isinstance(value, dict):
            return self.bounds.read(value, name=name)
        return {"eq": Integer().read(value, name=name)}


EXPAND = Many(of=Text())


def parse(form: bytes) -> Json:
    """Nested parameters as one tree of dicts; positions in lists are keys, in order of arrival."""
    try:
        pairs = parse_qsl(form.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000)
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidRequest("The request body could not be read as a form.") from error
    tree: Json = {}
    for name, value in pairs:
        _plant(tree, name, value)
    return tree


def check(given: Json, schema: Mapping[str, Field], *, prefix: str = "") -> Json:
    """Read what was given by the schema. Absent parameters stay absent, emptied texts are None."""
    names = {key: f"{prefix}[{key}]" if prefix else key for key in [*given, *schema]}
    for key in given:
        if key not in schema:
            raise InvalidRequest(
                f"Received unknown parameter: {names[key]}", code="parameter_unknown", param=names[key]
            )
    for key, wanted in schema.items():
        if wanted.required and key not in given:
            raise InvalidRequest(f"Missing required param: {names[key]}.", code="parameter_missing", param=names[key])
    read = {key: schema[key].read(value, name=names[key]) for key, value in given.items()}
    for key, value in read.items():
        if schema[key].required and value in (None, [], {}):
            message = f"You passed an empty string for '{names[key]}'."
            raise InvalidRequest(message, code="parameter_invalid_empty", param=names[key])
    return read


def _plant(tree: Json, name: str, value: str) -> None:
    match = _NAME.match(name)
    path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])] if match else [name]
    if len(path) > 8:
        raise InvalidRequest(f"Parameter nested too deeply: {path[0]}", param=path[0])
    node = tree
    for step in path[:-1]:
        below = node.setdefault(step or str(len(node)), {})
        if not isinstance(below, dict):
            raise InvalidRequest(f"Invalid object: {name}", code="parameter_invalid", param=name)
        node = below
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise InvalidRequest(f"Invalid object: {name}", code="parameter_invalid", param=name)
    node[last] = value
