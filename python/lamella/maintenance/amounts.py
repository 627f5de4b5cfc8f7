"""Ages and sizes as operators write them."""

from __future__ import annotations

import re
from typing import Final

_AGE: Final = re.compile(r"([1-9][0-9]{0,5})([smhdw])\Z")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([kMGT]i?B|B)\Z")
_PREFIXES: Final = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4}

_PERCENT: Final = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,3})?|100) ?%\Z")


def parse_age(text: str) -> float:
    """Read ``90s``, ``30m``, ``24h``, ``7d`` or ``2w``, and return seconds.

    Raises:
        ValueError: the text is of another form; the message quotes it.
    """
    match = _AGE.match(text)
    if match is None:
        raise ValueError(f"{text[:100]!r} is not an age such as 30m, 24h, 7d or 2w")
    return float(int(match[1]) * _SECONDS[match[2]])


def parse_size(text: str, whole: int) -> int:
    """Read ``200GiB``, ``1.5TB`` or ``80%``, of ``whole`` bytes, and return bytes, at least one.

    Raises:
        ValueError: the text is of another form, or means less than a byte; the message quotes it.
    """
    if (percent := _PERCENT.match(text)) is not None:
        size = whole * float(percent[1]) / 100
    elif (match := _SIZE.match(text)) is not None:
        unit = match[2].removesuffix("B")
        size = float(match[1]) * (1024 if unit.endswith("i") else 1000) ** _PREFIXES[unit.removesuffix("i")]
    else:
        raise ValueError(f"{text[:100]!r} is not a size such as 200GiB, 1.5TB or 80%")
    if size < 1:
        raise ValueError(f"{text[:100]!r} is less than a byte")
    return int(size)
