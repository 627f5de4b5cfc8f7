"""The file that an operator writes rules in; see ``docs/gc.md``, "Rules"."""

from __future__ import annotations

import math
import tomllib
from typing import TYPE_CHECKING, Any, Final

from lamella.errors import LamellaError
from lamella.maintenance.amounts import parse_age
from lamella.maintenance.retention import Retention, Rule, Space

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEVER: Final = "never"
"""What a rule's ``max_age`` is where age alone removes nothing."""

_OF_REPOSITORIES: Final = frozenset({"keep_tags", "keep_last"})
_FIELDS: Final = frozenset({"repository", "scope", "pin", "max_age"}) | _OF_REPOSITORIES


class RetentionError(LamellaError):
    """A file of rules cannot be read; ``field`` says where, such as ``rule[2].max_age`` (counted from 1)."""

    def __init__(self, path: Path, field: str, reason: str) -> None:
        super().__init__(f"{path}: {field + ': ' if field else ''}{reason}")
        self.path = path
        self.field = field
        self.reason = reason


def read_retention(path: Path) -> Retention:
    """Read a file of rules.

    Raises:
        RetentionError: it is not TOML, or a rule is not valid.
        OSError: it cannot be read.
    """
    try:
        document = tomllib.loads(path.read_text())
    except ValueError as error:
        raise RetentionError(path, "", f"is not TOML: {error}") from None
    for key in document:
        if key != "rule":
            raise RetentionError(path, key, "is not known; the file holds tables [[rule]]")
    tables = document.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise RetentionError(path, "rule", "is not a list of tables [[rule]]")
    return Retention(tuple(_Fields(path, f"rule[{at}]", table).rule() for at, table in enumerate(tables, 1)))


class _Fields:
    """One table of a file."""

    def __init__(self, path: Path, name: str, table: dict[str, Any]) -> None:
        self._path = path
        self._name = name
        self._table = table

    def rule(self) -> Rule:
        """Check every field."""
        for field in self._table:
            if field not in _FIELDS:
                raise self._error(field, f"is not known; a rule has {', '.join(sorted(_FIELDS))}")
        given = [space for space in Space if space.value in self._table]
        if len(given) != 1:
            raise self._error("", "needs either repository or scope")
        space = given[0]
        if space is Space.SCOPE:
            for field in sorted(_OF_REPOSITORIES & self._table.keys()):
                raise self._error(field, "is for repositories")
        return Rule(
            space,
            self._get(space.value, "a pattern", _is_text),
            pin=self._get("pin", "true or false", lambda value: isinstance(value, bool), default=False),
            max_age=self._age(),
            keep_tags=tuple(self._get("keep_tags", "a list of patterns", _are_texts, default=[])),
            keep_last=self._get("keep_last", "a number of tags", _is_count, default=0),
        )

    def _get(self, field: str, what: str, valid: Callable[[Any], bool], default: Any = None) -> Any:
        value = self._table.get(field, default)
        if not valid(value):
            raise self._error(field, f"{value!r} is not {what}")
        return value

    def _age(self) -> float | None:
        value = self._table.get("max_age")
        if value is None:
            return None
        if value == NEVER:
            return math.inf
        try:
            return parse_age(str(value))
        except ValueError as error:
            raise self._error("max_age", f"{error}, or {NEVER!r}") from None

    def _error(self, field: str, reason: str) -> RetentionError:
        return RetentionError(self._path, f"{self._name}.{field}" if field else self._name, reason)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
