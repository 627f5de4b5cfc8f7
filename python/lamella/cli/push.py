"""`lamella push`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamella.cli import options
from lamella.cli.text import echo_json, size_text

if TYPE_CHECKING:
    from lamella.client import Blob
    from lamella.model import Digest, Scope


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@options.connection_options
@options.json_output
def command(*, paths: tuple[Path, ...], server: str | None, scope: Scope, builder: str, as_json: bool) -> None:
    """Upload files, or all blobs of an OCI layout folder, as far as the server does not have them.

    \b
        lamella push layer.tar
        lamella push ./app      # a folder that `lamella build --output` or skopeo has written
    """
    from lamella.client import AsyncClient

    async def run() -> tuple[list[tuple[Path, Blob]], set[Digest]]:
        blobs = [(path, await _blob(path)) for given in paths for path in await asyncio.to_thread(_files, given)]
        async with AsyncClient(server, scope=scope, builder=builder) as client:
            return blobs, await client.upload([blob for _, blob in blobs])

    blobs, sent = asyncio.run(run())
    if as_json:
        echo_json(
            [
                {"path": str(path), "digest": str(blob.digest), "size": blob.size, "sent": blob.digest in sent}
                for path, blob in blobs
            ]
        )
        return
    for path, blob in blobs:
        note = size_text(blob.size) if blob.digest in sent else "already there"
        click.echo(f"{blob.digest}  {path} ({note})")


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not (path / "oci-layout").is_file():
        raise click.BadParameter(f"{path} is neither a file nor an OCI layout folder", param_hint="PATH")
    return sorted((path / "blobs" / "sha256").iterdir())


async def _blob(path: Path) -> Blob:
    from lamella.client import Blob
    from lamella.errors import DigestMismatch
    from lamella.model import Digest

    blob = await Blob.of_file(path)
    if path.parent.name == "sha256" and path.name != blob.digest.hex:
        raise DigestMismatch(Digest.parse(f"sha256:{path.name}"), blob.digest)
    return blob
