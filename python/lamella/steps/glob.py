r"""Shell patterns as variable substitution knows them: ``*`` and ``?``, and ``\`` before one of ``* ? \ } /``.

All functions raise ``PatternError`` where a backslash stands before anything else.
"""

from __future__ import annotations

import re

from lamella._core import PatternError


def remove_prefix(value: str, pattern: str, *, longest: bool) -> str:
    """Return ``value`` without the shortest or longest start that matches, as ``${x#p}`` and ``${x##p}`` do."""
    match = re.match("".join(_tokens(pattern, longest=longest)), value)
    return value if match is None else value[match.end() :]


def remove_suffix(value: str, pattern: str, *, longest: bool) -> str:
    """Return ``value`` without the shortest or longest end that matches, as ``${x%p}`` and ``${x%%p}`` do."""
    # Regular expressions prefer by where a match starts; reversed, a suffix is a prefix.
    match = re.match("".join(reversed(_tokens(pattern, longest=longest))), value[::-1])
    return value if match is None else value[: len(value) - match.end()]


def substitute(value: str, pattern: str, replacement: str, *, every: bool) -> str:
    """Return ``value`` with the first or every longest match replaced, as ``${x/p/r}`` and ``${x//p/r}`` do."""
    expression = "".join(_tokens(pattern, longest=True))
    return re.sub(expression, lambda _: replacement, value, count=0 if every else 1)


def _tokens(pattern: str, *, longest: bool) -> list[str]:
    star = ".*" if longest else ".*?"
    tokens = []
    characters = iter(pattern)
    for character in characters:
        if character == "*":
            tokens.append(star)
        elif character == "?":
            tokens.append(".")
        elif character == "\\":
            escaped = next(characters, "")
            if escaped not in {"*", "?", "\\", "}", "/"}:
                raise PatternError(f"invalid escape '\\{escaped}' in pattern {pattern!r}")
            tokens.append(re.escape(escaped))
        else:
            tokens.append(re.escape(character))
    return tokens
