"""What a stand remembers between starts: passwords, keys and ports, readable by its owner only."""

import json
import os
import secrets
from pathlib import Path


class Memory:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def secret(self, name: str, *, prefix: str = "") -> str:
        """Made at the first call, the same ever after; only letters and digits, so it needs no quoting."""
        if name not in self._values:
            self.remember(name, prefix + secrets.token_hex(32))
        return self._values[name]

    def recall(self, name: str) -> str | None:
        return self._values.get(name)

    def remember(self, name: str, value: str) -> None:
        self._values[name] = value
        draft = self._path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self._values, file, indent=1)
        draft.replace(self._path)
