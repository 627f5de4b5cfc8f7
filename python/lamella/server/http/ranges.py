"""Which bytes of a blob a request asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lamella.server.http.errors import RangeNotSatisfiable

if TYPE_CHECKING:
    from collections.abc import Mapping

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})\Z", re.ASCII | re.IGNORECASE)


def requested_range(headers: Mapping[str, str], etag: str, size: int) -> range | None:
    """Return the range to send, or None for the whole.

    Several ranges at once, and what is no range, are ignored, as the RFC allows; so is a range with an ``If-Range``
    that is not ``etag``. A range whose end comes before its start is refused, as the RFC allows, too: whoever asks for
    it has lost count, and had better hear of it than get the whole blob.

    Raises:
        RangeNotSatisfiable: the range does not begin within the blob, is empty, or ends before it begins.
    """
    if headers.get("If-Range", etag) != etag:
        return None
    found = _RANGE.match(headers.get("Range", ""))
    if found is None or found[1] == found[2] == "":
        return None
    first, last = found[1], found[2]
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), size if not last else min(int(last) + 1, size)
    if start >= stop:
        raise RangeNotSatisfiable(size)
    return range(start, stop)
