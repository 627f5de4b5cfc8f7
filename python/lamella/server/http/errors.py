"""What is wrong with a request before any part of the registry sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella.errors import LamellaError

if TYPE_CHECKING:
    from collections.abc import Iterable


class PathUnknown(LamellaError):
    """No endpoint has this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"no endpoint: {path[:100]!r}")
        self.path = path


class MethodNotAllowed(LamellaError):
    """An endpoint does not have this method."""

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allowed = tuple(allowed)
        super().__init__(f"{method[:20]!r} is not one of {', '.join(self.allowed)}")


class BodyTimeout(LamellaError):
    """A request's body brought no byte for too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the body brought nothing for {seconds:g} seconds")
        self.seconds = seconds


class RangeNotSatisfiable(LamellaError):
    """A requested range does not begin within a blob of ``size`` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the range does not begin within {size} bytes")
        self.size = size
