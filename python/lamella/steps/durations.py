"""Durations as Go writes them, which HEALTHCHECK takes."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(rf"\+?(?:{_PART.pattern})+\Z")
MAX_NANOSECONDS = (1 << 63) - 1
"""The longest duration, about 292 years."""


def parse_duration(text: str) -> int:
    """Return the nanoseconds of ``1h30m``, ``1.5s``, ``500ms`` ...; ``0`` needs no unit.

    Raises:
        ValueError: the text is none of these, is negative, or is too long; the message quotes it.
    """
    if text in {"0", "+0"}:
        return 0
    if _WHOLE.match(text) is None:
        raise ValueError(f"not a duration: {text[:100]!r} (expected a number and a unit, such as 30s or 1m30s)")
    total = int(sum(Fraction(part[1].rstrip(".")) * _UNITS[part[2]] for part in _PART.finditer(text)))
    if total > MAX_NANOSECONDS:
        raise ValueError(f"too long a duration: {text[:100]!r}")
    return total
