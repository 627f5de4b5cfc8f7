"""Rules about what is kept, for some repositories or scopes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Space(Enum):
    """What a rule's pattern is compared to."""

    REPOSITORY = "repository"
    SCOPE = "scope"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is kept of the repositories or scopes that ``pattern`` matches: ``*``, also over ``/``, ``?`` and ``[...]``.

    ``max_age`` is in seconds; None where the common limit holds. ``keep_tags`` are patterns of tags, ``keep_last`` is
    how many of the tags that were pushed last, that stay whatever their age and the size of the store. ``pin`` says so
    of everything.
    """

    space: Space
    pattern: str
    pin: bool = False
    max_age: float | None = None
    keep_tags: tuple[str, ...] = ()
    keep_last: int = 0

    def keeps_tag(self, tag: str) -> bool:
        """Tell whether a tag stays for its name."""
        return any(fnmatchcase(tag, pattern) for pattern in self.keep_tags)


@dataclass(frozen=True, slots=True)
class Retention:
    """For each repository and each scope, the first rule that matches it holds."""

    rules: Sequence[Rule] = ()

    def rule(self, space: Space, name: str) -> Rule | None:
        """Return the rule for a repository or a scope, or None."""
        matching = (rule for rule in self.rules if rule.space is space and fnmatchcase(name, rule.pattern))
        return next(matching, None)
