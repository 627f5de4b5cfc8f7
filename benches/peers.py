"""Runs a contender and a peer in turn, so that noise meets both, and prints their ratio with its spread."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7


def ratio(name: str, ours: Callable[[], float], peer: Callable[[], float], rounds: int = ROUNDS) -> float:
    """Print and return how many times faster ``ours`` is: the median of ``rounds`` pairs. Both return seconds."""
    ours()
    ratios = sorted(peer() / ours() for _ in range(rounds))
    median = statistics.median(ratios)
    print(f"\n{name}: {median:.2f} times the peer ({ratios[0]:.2f} to {ratios[-1]:.2f}, {rounds} rounds)")
    return median
