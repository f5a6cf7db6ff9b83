"""What is promised and which tests prove it at full size, read from promises.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Step:
    """Tests that are run together; those of very many rounds in slices, so that stopping them loses little."""

    tests: tuple[str, ...]
    slices: int = 1
    workers: int = 0
    minutes: int = 60

    def turns(self) -> list[str]:
        return [f"{number}/{self.slices}" for number in range(1, self.slices + 1)]


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A place that keeps the promise: a text that stands once in a file."""

    file: str
    text: str

    @property
    def line(self) -> int:
        before, found, _after = (PROJECT / self.file).read_text("utf-8").partition(self.text)
        if not found:
            raise LookupError(f"{self.text!r} does not stand in {self.file}.")
        return before.count("\n") + 1


@dataclass(frozen=True, kw_only=True)
class Promise:
    """`full` says in words what the steps try at full size."""

    name: str
    text: str
    kept: str
    full: str
    guards: tuple[Guard, ...]
    steps: tuple[Step, ...]


def read() -> list[Promise]:
    document = tomllib.loads(Path(__file__).with_name("promises.toml").read_text("utf-8"))
    return [_promise(name, fields) for name, fields in document.items()]


def _promise(name: str, fields: dict[str, object]) -> Promise:
    guards, steps = fields.pop("guards"), fields.pop("steps")
    assert isinstance(guards, list)
    assert isinstance(steps, list)
    return Promise(
        name=name,
        guards=tuple(Guard(file=file, text=text) for file, text in guards),
        steps=tuple(Step(**{**step, "tests": tuple(step["tests"])}) for step in steps),
        **{key: str(value) for key, value in fields.items()},
    )
