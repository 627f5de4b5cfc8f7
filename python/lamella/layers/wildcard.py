"""The wildcards that COPY and ADD take in a source: those of Go's ``filepath.Match``."""

from __future__ import annotations

import functools
import re

from lamella._core import PatternError

_WILDCARD = re.compile(r"(?:\\.|[^*?\[\\])*[*?\[]", re.DOTALL)


def has_wildcard(text: str) -> bool:
    r"""Tell whether a path holds ``*``, ``?`` or ``[`` without a ``\`` before it; if not, it means just itself."""
    return _WILDCARD.match(text) is not None


@functools.lru_cache(maxsize=256)
def component_pattern(pattern: str) -> re.Pattern[str]:
    r"""Return a regular expression for one part of a path, to use with ``fullmatch``.

    ``*`` is any text, ``?`` one character, ``[a-z]`` one of a class, ``[^a-z]`` one that is not, ``\x`` just ``x``.

    Raises:
        PatternError: a class is not closed or empty, a range is backwards, or a backslash ends the pattern.
    """
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            parts.append(".*")
        elif character == "?":
            parts.append(".")
        elif character == "[":
            text, position = _class(pattern, position)
            parts.append(text)
        elif character == "\\":
            literal, position = _escaped(pattern, position)
            parts.append(re.escape(literal))
        else:
            parts.append(re.escape(character))
    return re.compile("".join(parts), re.DOTALL)


def _escaped(pattern: str, position: int) -> tuple[str, int]:
    if position >= len(pattern):
        raise PatternError(f"pattern {pattern!r} ends too early")
    return pattern[position], position + 1


def _class(pattern: str, position: int) -> tuple[str, int]:
    negated = pattern[position : position + 1] == "^"
    position += negated
    ranges: list[str] = []
    while not ranges or pattern[position : position + 1] != "]":
        low, position = _class_character(pattern, position)
        high = low
        if pattern[position : position + 1] == "-":
            high, position = _class_character(pattern, position + 1)
        if high < low:
            raise PatternError(f"pattern {pattern!r} has the range {low}-{high}, which is backwards")
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    return f"[{'^' if negated else ''}{''.join(ranges)}]", position + 1


def _class_character(pattern: str, position: int) -> tuple[str, int]:
    if pattern[position : position + 1] in {"", "-", "]"}:
        raise PatternError(f"pattern {pattern!r} has a class that is empty or not closed")
    if pattern[position] == "\\":
        return _escaped(pattern, position + 1)
    return pattern[position], position + 1
