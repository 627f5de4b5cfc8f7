"""`lamella push`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamella.cli import interruptible, options
from lamella.cli.text import echo_json, size_text
from lamella.cli.transfer_bar import transfer_bar

if TYPE_CHECKING:
    from lamella.client import Blob, Traffic
    from lamella.model import Digest, Scope


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@options.no_delta
@options.connection_options
@options.json_output
def command(
    *, paths: tuple[Path, ...], no_delta: bool, server: str | None, scope: Scope, builder: str, as_json: bool
) -> None:
    """Upload files, or all blobs of an OCI layout folder, as far as the server does not have them.

    Of a large file that is not compressed, only the chunks that are new to the server are sent.

    \b
        lamella push layer.tar
        lamella push ./app      # a folder that `lamella build --output` or skopeo has written
    """
    from lamella.client import AsyncClient

    async def run() -> tuple[list[tuple[Path, Blob]], set[Digest], Traffic]:
        blobs = await asyncio.to_thread(_blobs, paths)
        cache = options.chunk_cache(no_delta=no_delta)
        async with AsyncClient(server, scope=scope, builder=builder, chunk_cache=cache) as client:
            with transfer_bar("pushing", sum(blob.size for _, blob in blobs)) as progress:
                absent = await client.upload([blob for _, blob in blobs], progress)
            for path in paths:
                names = [(blob.digest, blob.size) for found, blob in blobs if found.is_relative_to(path)]
                for digest, size in names if path.is_file() else _roots(path):
                    await client.keep(digest, size, names)
            return blobs, absent, client.traffic

    blobs, sent, traffic = interruptible.run(run())
    if as_json:
        documents = [
            {"path": str(path), "digest": str(blob.digest), "size": blob.size, "sent": blob.digest in sent}
            for path, blob in blobs
        ]
        echo_json({"blobs": documents, "bytes_sent": traffic.sent, "bytes_saved": traffic.saved})
        return
    for path, blob in blobs:
        note = size_text(blob.size) if blob.digest in sent else "already there"
        click.echo(f"{blob.digest}  {path} ({note})")
    if traffic.saved:
        size = sum(blob.size for _, blob in blobs if blob.digest in sent)
        click.echo(
            f"{size_text(traffic.sent)} sent for {size_text(size)}: "
            f"{size_text(traffic.saved)} already there, the rest compressed"
        )


def _blobs(paths: tuple[Path, ...]) -> list[tuple[Path, Blob]]:
    """Name files by their content; those of a layout must be what they are called."""
    from lamella._core import hash_files
    from lamella.client import Blob
    from lamella.errors import DigestMismatch
    from lamella.model import Digest

    named = [found for path in paths for found in _files(path)]
    blobs: list[tuple[Path, Blob]] = []
    for (path, expected), (raw, size) in zip(named, hash_files([path for path, _ in named]), strict=True):
        if expected is not None and Digest(raw) != expected:
            raise DigestMismatch(expected, Digest(raw))
        blobs.append((path, Blob(Digest(raw), size, path)))
    return blobs


def _roots(layout: Path) -> list[tuple[Digest, int]]:
    """Return digest and size of all that the index of a layout names."""
    from lamella.layers.oci_layout import parse_index, read_small

    path = layout / "index.json"
    return [(entry.digest, entry.size) for entry, _ in parse_index(read_small(path), str(path))]


def _files(path: Path) -> list[tuple[Path, Digest | None]]:
    """Return a file, or the blobs of a layout with the digests that their names say."""
    from lamella.layers.oci_layout import LayoutError
    from lamella.layers.replace_file import TEMPORARY_PREFIX
    from lamella.model import Digest

    if path.is_file():
        return [(path, None)]
    if not (path / "oci-layout").is_file():
        raise click.BadParameter(f"{path} is neither a file nor an OCI layout folder", param_hint="PATH")
    found: list[tuple[Path, Digest | None]] = []
    for blob in sorted((path / "blobs" / "sha256").iterdir()):
        if blob.name.startswith(TEMPORARY_PREFIX):
            continue
        try:
            found.append((blob, Digest.parse(f"sha256:{blob.name}")))
        except ValueError:
            raise LayoutError(path, f"{blob.name!r} in blobs/sha256 is not the name of a blob") from None
    return found
