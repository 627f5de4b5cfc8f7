"""Single fields that many messages share: digests and scopes as text, durations and points in time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lamella.errors import Invalid
from lamella.model import Digest, Scope

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

NANOSECONDS = 1_000_000_000
BUILDER_KEY = "lamella-builder"
"""The metadata of a call under which a builder names itself, for the statistics."""

MAX_SECONDS = 315_576_000_000
"""The longest ``Duration`` that protobuf allows: 10,000 years."""

END_OF_TIME = 253_402_300_800
"""The first second, since the epoch, that protobuf's ``Timestamp`` does not allow: that of the year 10,000."""


def parse_digest(text: str, field: str) -> Digest:
    """Read ``sha256:<hex>``; raises ``Invalid`` for any other text."""
    return _parse(Digest.parse, text, field)


def parse_scope(text: str, field: str) -> Scope:
    """Read ``tenant/project@ref``; raises ``Invalid`` for any other text."""
    return _parse(Scope.parse, text, field)


def duration_to_message(seconds: float) -> Duration:
    """Convert a finite number of seconds, to the nanosecond."""
    whole, nanoseconds = divmod(round(seconds * NANOSECONDS), NANOSECONDS)
    return Duration(seconds=whole, nanos=nanoseconds)


def duration_from_message(message: Duration, field: str) -> float:
    """Return seconds; raises ``Invalid`` for a negative duration or one that protobuf does not allow."""
    if not (0 <= message.seconds <= MAX_SECONDS and 0 <= message.nanos < NANOSECONDS):
        raise Invalid(field, f"{message.seconds} s and {message.nanos} ns are not a duration")
    return message.seconds + message.nanos / NANOSECONDS


def timestamp_to_message(seconds: float) -> Timestamp:
    """Convert seconds since the epoch, to the nanosecond."""
    fraction, whole = math.modf(seconds)
    return Timestamp(seconds=int(whole), nanos=int(fraction * NANOSECONDS))


def timestamp_from_message(message: Timestamp, field: str) -> float:
    """Return seconds since the epoch; raises ``Invalid`` for a time before it or past the year 9999."""
    seconds = message.seconds + message.nanos / NANOSECONDS
    if not (message.seconds >= 0 and 0 <= message.nanos < NANOSECONDS and seconds < END_OF_TIME):
        raise Invalid(field, f"{message.seconds} s and {message.nanos} ns are not a time since 1970")
    return seconds


def _parse(parse: Callable[[str], T], text: str, field: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise Invalid(field, str(error)) from None
