"""`lamella pull`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamella.cli import options
from lamella.cli.text import echo_json, size_text
from lamella.errors import Invalid
from lamella.model import Digest

if TYPE_CHECKING:
    from lamella.builder.output import Output
    from lamella.client import AsyncClient
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
@click.option("-o", "--output", required=True, metavar="PATH", help="The file; for an image a folder or a *.tar.")
@click.option("-t", "--tag", default="", metavar="NAME[:TAG]", help="The reference of the image in the output.")
@click.option("--blob", is_flag=True, help="Write the blob itself, even if it is an image's manifest.")
@options.connection_options
@options.json_output
def command(
    *,
    digest: Digest,
    output: str,
    tag: str,
    blob: bool,
    server: str | None,
    scope: Scope,
    builder: str,
    as_json: bool,
) -> None:
    """Download a blob; where DIGEST is that of an image's manifest, the whole image as an OCI layout.

    Nothing appears in the output before its digest has been checked.

    \b
        lamella pull sha256:3f1d... --output layer.tar
        lamella pull sha256:9c02... --output app --tag app:1
    """
    from lamella.builder.output import Output
    from lamella.client import AsyncClient
    from lamella.client.image import blob_size, find_image

    async def run() -> tuple[Image | None, int]:
        async with AsyncClient(server, scope=scope, builder=builder) as client:
            image = None if blob else await find_image(client, digest)
            if image is None:
                await client.download(digest, await blob_size(client, digest), Path(output))
            else:
                await _write_image(client, image, _destination(output), tag)
            return image, client.traffic.received

    def _destination(text: str) -> Output:
        try:
            destination = Output.parse(text)
        except Invalid as error:
            raise click.BadParameter(error.reason, param_hint="--output") from None
        if destination is None:
            raise click.BadParameter("needs a path", param_hint="--output")
        return destination

    image, received = asyncio.run(run())
    if as_json:
        kind = "blob" if image is None else "image"
        echo_json({"digest": str(digest), "kind": kind, "output": output, "bytes_received": received})
    else:
        what = "blob" if image is None else f"image with {len(image.layers)} layers"
        click.echo(f"{digest}  {output} ({what}, {size_text(received)} received)")


async def _write_image(client: AsyncClient, image: Image, output: Output, tag: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lamella-pull-") as name:
        folder = Path(name)

        async def layer_file(layer: Layer) -> Path:
            path = folder / layer.descriptor.digest.hex
            await client.download(layer.descriptor.digest, layer.descriptor.size, path)
            return path

        await output.write(image, tag, layer_file)
