"""Builds with Lamella in this process, against a server in one of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lamella.builder.base_images import LayoutReference
from lamella.builder.build_image import build_image
from lamella.builder.output import Output
from lamella.builder.request import BuildRequest
from lamella.cli.progress import Quiet
from lamella.client import AsyncClient
from lamella.model import Platform, Scope
from tests.system.flat_image import Files, read_oci_layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lamella.builder.report import Reporter, Summary

PLATFORM = Platform("linux", "amd64")


@dataclass(frozen=True, slots=True)
class Built:
    """An image that Lamella built: how it went, and what is in it."""

    summary: Summary
    files: Files
    config: dict[str, Any]

    @property
    def manifest(self) -> str:
        return str(self.summary.image.manifest.digest)

    @property
    def hits(self) -> list[bool]:
        return [outcome.hit for outcome in self.summary.outcomes]


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds against the server at ``address``, each time as if on a machine of its own."""

    address: str
    scope: Scope = field(default_factory=Scope)

    def build(
        self,
        context: Path,
        output: Path,
        *,
        target: str = "",
        arguments: Mapping[str, str] | None = None,
        bases: Mapping[str, Path] | None = None,
        use_cache: bool = True,
        platform: Platform = PLATFORM,
        reporter: Reporter | None = None,
    ) -> Built:
        """Build ``context`` into the new layout ``output``; ``bases`` are layouts by the names that FROM uses."""
        request = BuildRequest(
            context,
            platform,
            target=target,
            arguments=arguments or {},
            layouts={name: LayoutReference(layout) for name, layout in (bases or {}).items()},
        )

        async def run() -> Summary:
            async with AsyncClient(self.address, scope=self.scope, builder="tests") as client:
                destination = Output(output, as_tar=False)
                return await build_image(client, request, reporter or Quiet(), use_cache=use_cache, output=destination)

        summary = asyncio.run(run())
        files, configuration = read_oci_layout(output)
        return Built(summary, files, configuration["config"])
