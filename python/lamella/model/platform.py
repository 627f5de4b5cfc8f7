"""The machine that an image is built for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Platform:
    """Operating system, architecture and variant in Go's words (``linux/arm64/v8``); variant may be empty."""

    os: str
    architecture: str
    variant: str = ""

    def __post_init__(self) -> None:
        if not self.os or not self.architecture or "/" in self.os + self.architecture + self.variant:
            raise ValueError(f"not a platform: {self.os!r}/{self.architecture!r}/{self.variant!r}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``os/architecture`` or ``os/architecture/variant``.

        Raises:
            ValueError: the text has another number of parts, or an empty one.
        """
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"not a platform: {text[:100]!r} (expected os/architecture[/variant])")
        return cls(*parts)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)
