"""Statistics: counters by day, project, builder and instruction."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final, Self

import msgspec

from lamella.errors import Invalid
from lamella.index.table import MAX_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lamella.index.environment import Index
    from lamella.index.table import Transaction

VALUE_VERSION: Final = 1
MAX_SAVED_MS: Final = 315_576_000_000_000
"""The most time that a counter has saved: 10,000 years, the longest of protobuf's ``Duration``. Builders say how long
a step took."""

_PAGE: Final = 1000
"""Rows read in one transaction."""


@dataclass(frozen=True, slots=True, order=True)
class CounterKey:
    """What is counted: ``day`` is a UTC day as YYYY-MM-DD, ``project`` is ``tenant/project``; the rest may be empty.

    Raises:
        Invalid: a part holds a zero byte, or all together are too long for a key; it names the longest part.
    """

    day: str
    project: str = ""
    builder: str = ""
    instruction: str = ""

    def __post_init__(self) -> None:
        parts: dict[str, str] = dict(zip(self.__slots__, astuple(self), strict=True))
        for name, part in parts.items():
            if "\0" in part:
                raise Invalid(name, f"{part[:100]!r} holds a zero byte")
        if len(_key(self)) > MAX_KEY:
            longest = max(parts, key=lambda name: len(parts[name]))
            raise Invalid(longest, f"{parts[longest][:100]!r}... is too long")


@dataclass(frozen=True, slots=True)
class Counters:
    """``bytes_in`` and ``bytes_out`` are blob bytes received and sent, ``saved_ms`` is the time that hits saved.

    A sum of the latter ends at ``MAX_SAVED_MS``.
    """

    lookups: int = 0
    hits: int = 0
    misses: int = 0
    commits: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    saved_ms: int = 0

    def __add__(self, other: Self) -> Self:
        total = type(self)(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))
        return replace(total, saved_ms=min(total.saved_ms, MAX_SAVED_MS))


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, ...]).decode


def _counters(value: bytes) -> Counters:
    _, *counts = _decode(value)
    return Counters(*counts)


class CounterTable:
    """Counters only grow; additions from several processes add up."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._table = index.table("counters")

    async def add(self, additions: Mapping[CounterKey, Counters]) -> None:
        """Add to counters, all together or none."""
        rows = {_key(key): counters for key, counters in additions.items()}

        def add(txn: Transaction) -> None:
            for key, counters in rows.items():
                old = self._table.get(txn, key)
                total = counters if old is None else _counters(old) + counters
                self._table.put(txn, key, _encode((VALUE_VERSION, *astuple(total))))

        await self._index.write(add)

    def scan(self, since: str = "") -> Iterator[tuple[CounterKey, Counters]]:
        """Yield every counter from a day (YYYY-MM-DD) on, in the order of keys; all where empty."""
        start = since.encode()
        while True:
            with self._index.read() as txn:
                rows = list(islice(self._table.scan(txn, start), _PAGE))
            for key, value in rows:
                yield CounterKey(*key.decode().split("\0")), _counters(value)
            if len(rows) < _PAGE:
                return
            start = rows[-1][0] + b"\0"


def _key(key: CounterKey) -> bytes:
    return "\0".join(astuple(key)).encode()
