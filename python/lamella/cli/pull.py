"""`lamella pull`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamella.cli import interruptible, options
from lamella.cli.output_path import output_file, parse_output
from lamella.cli.text import echo_json, size_text
from lamella.cli.transfer_bar import transfer_bar
from lamella.model import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lamella.builder.output import Output
    from lamella.client import AsyncClient, Traffic
    from lamella.layers.image import Image
    from lamella.model import Layer, Scope


class DigestType(click.ParamType[Digest]):
    """``sha256:<hex>``."""

    name = "digest"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Digest:
        """Read the text; a usage error where it is not valid."""
        try:
            return Digest.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("digest", type=DigestType())
@click.option(
    "-o", "--output", required=True, metavar="PATH", help="The file to write; for an image a folder or a *.tar."
)
@click.option("-t", "--tag", default="", metavar="NAME[:TAG]", help="The reference of the image in the output.")
@click.option("--blob", is_flag=True, help="Write the blob itself, even if it is an image's manifest.")
@options.no_delta
@options.connection_options
@options.json_output
def command(
    *,
    digest: Digest,
    output: str,
    tag: str,
    blob: bool,
    no_delta: bool,
    server: str | None,
    scope: Scope,
    builder: str,
    as_json: bool,
) -> None:
    """Download a blob; where DIGEST is that of an image's manifest, the whole image as an OCI layout.

    Nothing appears in the output before its digest has been checked. Of a large file that is not compressed, only what
    this user has not moved before is fetched; of an image, only the layers that the output folder does not have.
    `lamella push` and `lamella build` print digests.

    \b
        lamella pull sha256:3f1d... --output layer.tar
        lamella pull sha256:9c02... --output app --tag app:1
    """
    from lamella.client import AsyncClient
    from lamella.client.image import blob_size, find_image

    async def run() -> tuple[Image | None, int, list[Layer], Traffic]:
        cache = options.chunk_cache(no_delta=no_delta)
        async with AsyncClient(server, scope=scope, builder=builder, chunk_cache=cache) as client:
            there: list[Layer] = []
            image = None if blob else await find_image(client, digest)
            size = await blob_size(client, digest)
            await client.use(digest, size)
            if image is None:
                target = output_file(output)
                with transfer_bar("pulling", size) as progress:
                    await client.download(digest, size, target, progress)
            else:
                destination = parse_output(output)
                if destination is None:
                    raise click.BadParameter("an image needs a path", param_hint="--output")
                size = sum(layer.descriptor.size for layer in image.layers)
                with transfer_bar("pulling", size) as progress:
                    there = await _write_image(client, image, destination, tag, progress)
            return image, size, there, client.traffic

    image, size, there, traffic = interruptible.run(run())
    if as_json:
        kind = "blob" if image is None else "image"
        document = {"digest": str(digest), "kind": kind, "bytes": size, "output": output}
        moved = {"bytes_received": traffic.received, "bytes_saved": traffic.saved}
        echo_json({**document, **moved, "layers_there": [str(layer.descriptor.digest) for layer in there]})
    else:
        what = "a blob of" if image is None else f"an image with {len(image.layers)} layers of"
        already = f", {len(there)} of them there already" if there else ""
        received = size_text(traffic.received)
        click.echo(f"{digest}  {output} ({what} {size_text(size)}{already}; {received} received)")


async def _write_image(
    client: AsyncClient, image: Image, output: Output, tag: str, progress: Callable[[int], None]
) -> list[Layer]:
    """Write the image; returns the layers that the output had, and that were not fetched."""
    there: list[Layer] = []
    with tempfile.TemporaryDirectory(prefix="lamella-pull-") as name:
        folder = Path(name)

        async def layer_file(layer: Layer) -> Path:
            path = folder / layer.descriptor.digest.hex
            await client.download(layer.descriptor.digest, layer.descriptor.size, path, progress)
            return path

        def already(layer: Layer) -> None:
            there.append(layer)
            progress(layer.descriptor.size)

        await output.write(image, tag, layer_file, already)
    return there
