"""What a build tells while it runs, and when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lamella.layers.image import Image
    from lamella.model import Digest, StepResult
    from lamella.steps.plan import Plan, PlannedStep


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went: a hit took its result from the cache; ``seconds`` is what a miss took to build and store."""

    step: PlannedStep
    hit: bool
    key: Digest
    result: StepResult
    seconds: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A build that is done; ``seconds`` is the time of the whole build.

    Bytes are those of all messages; ``bytes_saved`` those of layers whose chunks were there already.
    """

    image: Image
    outcomes: tuple[Outcome, ...]
    bytes_sent: int
    bytes_received: int
    bytes_saved: int
    seconds: float

    @property
    def hits(self) -> int:
        """How many steps were taken from the cache."""
        return sum(outcome.hit for outcome in self.outcomes)

    @property
    def misses(self) -> int:
        """How many steps were built."""
        return len(self.outcomes) - self.hits

    @property
    def seconds_saved(self) -> float:
        """What the hits took when they were built."""
        return sum(outcome.result.seconds for outcome in self.outcomes if outcome.hit)


class Reporter(Protocol):
    """Is told what a build does; every method returns at once."""

    def planned(self, plan: Plan) -> None:
        """The Dockerfile was read; called first."""

    def started(self, step: PlannedStep) -> None:
        """A miss is being built."""

    def done(self, outcome: Outcome) -> None:
        """A step has a result."""

    def undone(self, outcome: Outcome) -> None:
        """A step has no result any more, since a layer has gone from the server: it is ``done`` once more later."""

    def transferred(self, size: int) -> None:
        """Further bytes of layers were sent, received, or found to be there already."""
