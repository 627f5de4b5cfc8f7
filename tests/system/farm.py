"""A cache, and beside each of its builds the same build without any."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from lamella.model import Platform, Scope
from tests.system.builds import PLATFORM, Builder, Built

if TYPE_CHECKING:
    from pathlib import Path

    from lamella.builder.report import Reporter

_numbers = count()


@dataclass(frozen=True)
class Given:
    """Everything that a build is given but its context's folder."""

    arguments: dict[str, str] = field(default_factory=dict)
    platform: Platform = PLATFORM
    target: str = ""
    bases: dict[str, Path] = field(default_factory=dict)


class Farm:
    """Builds one context again and again, in a scope of its own."""

    def __init__(self, address: str, folder: Path) -> None:
        self.cached = Builder(address, Scope("hunt", f"n{next(_numbers)}"))
        self.context = folder / "context"
        self.context.mkdir()
        self._folder = folder

    def dockerfile(self, text: str) -> None:
        (self.context / "Dockerfile").write_text(text)

    def build(self, given: Given | None = None, reporter: Reporter | None = None) -> Built:
        """Build with the cache, and demand the image of a cache that has never seen anything."""
        built = self.build_cached(given, reporter)
        fresh = self.build_fresh(given)
        assert built.manifest == fresh.manifest
        return built

    def build_cached(self, given: Given | None = None, reporter: Reporter | None = None) -> Built:
        return self._build(self.cached, given, reporter=reporter)

    def build_fresh(self, given: Given | None = None) -> Built:
        unseen = replace(self.cached, scope=Scope("reference", f"n{next(_numbers)}"))
        return self._build(unseen, given, use_cache=False)

    def _build(self, builder: Builder, given: Given | None, **options: Any) -> Built:
        given = given or Given()
        return builder.build(
            self.context,
            self._folder / f"layout{next(_numbers)}",
            target=given.target,
            arguments=given.arguments,
            bases=given.bases,
            platform=given.platform,
            **options,
        )
