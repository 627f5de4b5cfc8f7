"""The trust domain that results are written to and read from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*\Z")
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*\Z")
MAX_PART = 128
"""The longest tenant, project or ref, in characters."""

_NAME_TEXT = f"a-z and 0-9, joined by single '.', '_' or '-', up to {MAX_PART} in all; no '/'"
_REF_TEXT = f"a letter or digit, then letters, digits, '.', '_', '/' or '-', up to {MAX_PART} in all"


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """``tenant/project@ref``.

    Invariants: tenant and project are lower-case words joined by single ``.``, ``_`` or ``-``; ref is a branch-like
    name that starts with a letter or digit; each has at most ``MAX_PART`` characters.
    """

    tenant: str = "default"
    project: str = "default"
    ref: str = "main"

    def __post_init__(self) -> None:
        for name, value, pattern, expected in (
            ("tenant", self.tenant, _NAME, _NAME_TEXT),
            ("project", self.project, _NAME, _NAME_TEXT),
            ("ref", self.ref, _REF, _REF_TEXT),
        ):
            if len(value) > MAX_PART or pattern.match(value) is None:
                raise ValueError(f"scope {name} is not valid: {value[:MAX_PART]!r} ({expected})")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``tenant/project@ref``; ``@ref`` may be left out, and so may everything (an empty text).

        Raises:
            ValueError: a part is missing or not valid; the message names it.
        """
        if not text:
            return cls()
        path, _, ref = text.partition("@")
        tenant, slash, project = path.partition("/")
        if not slash:
            raise ValueError(f"not a scope: {text[:200]!r} (expected tenant/project@ref)")
        return cls(tenant, project, ref or "main")

    @property
    def name(self) -> str:
        """``tenant/project``: what statistics are kept by."""
        return f"{self.tenant}/{self.project}"

    @property
    def readable(self) -> tuple[Scope, ...]:
        """The scopes a lookup reads, in order: its own, then the project's ``main``."""
        main = Scope(self.tenant, self.project)
        return (self,) if self == main else (self, main)

    def __str__(self) -> str:
        return f"{self.tenant}/{self.project}@{self.ref}"
