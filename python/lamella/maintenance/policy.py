"""What an operator asks of a collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lamella.maintenance.retention import Retention

GRACE: Final = 2 * 3600.0
"""Seconds that a blob which nothing needs is kept after its last use: who uploads an image sends its manifest last.

More than ``USED_RESOLUTION``, by which the index may be late to know of a use.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """``max_age`` is how long, in seconds, a unit that nobody uses is kept; for ever where None.

    ``grace`` is how long, in seconds, a blob is kept that no unit needs; less where ``budget`` leaves no room for it.
    ``budget`` is how many bytes on the disk may be kept; units that were not used for the longest time go first.
    """

    max_age: float | None = None
    grace: float = GRACE
    budget: int | None = None
    retention: Retention = field(default_factory=Retention)
