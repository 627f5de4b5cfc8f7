"""One build from beginning to end: plan, build, store the image on the server, write it to disk."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lamella.builder.build import Build
from lamella.builder.report import Summary
from lamella.builder.request import plan_build
from lamella.client import Blob, Missing

if TYPE_CHECKING:
    from lamella.builder.output import Output
    from lamella.builder.report import Reporter
    from lamella.builder.request import BuildRequest
    from lamella.client import AsyncClient
    from lamella.layers.image import Image


async def build_image(
    client: AsyncClient,
    request: BuildRequest,
    reporter: Reporter,
    *,
    use_cache: bool = True,
    push: bool = False,
    output: Output | None = None,
    reference: str = "",
) -> Summary:
    """Build, and keep nothing on this machine but ``output``.

    With ``push`` all blobs of the image are on the server afterwards, so that its manifest's digest is enough to pull
    it. Layers are fetched only where a step has to look into them, or ``output`` needs them. A step whose layer has
    gone from the server by then is built after all.

    Raises:
        DockerfileError: the Dockerfile cannot be built.
        ClientError: the server cannot be reached, or refuses something.
        LayoutError: the base image's layout lacks a layer.
        OSError: a file cannot be read or written.
    """
    begin = time.monotonic()
    planned = await asyncio.to_thread(plan_build, request)
    # Threads that an interrupt leaves behind may still write: that must not hide the interrupt.
    with tempfile.TemporaryDirectory(prefix="lamella-build-", ignore_cleanup_errors=True) as folder:
        build = Build(planned, client, Path(folder), reporter, use_cache=use_cache)
        reporter.planned(planned.plan)
        while True:
            try:
                image = await build.run()
                if push:
                    await _push(client, image, build)
                if output is not None:
                    await output.write(image, reference, build.layer_file)
            except Missing:
                if not build.forget_missing():
                    raise
            else:
                break
    traffic = client.traffic
    seconds = time.monotonic() - begin
    return Summary(image, build.outcomes, traffic.sent, traffic.received, traffic.saved, seconds)


async def _push(client: AsyncClient, image: Image, build: Build) -> None:
    layers = {layer.descriptor.digest: layer for layer in image.layers}
    missing = await client.missing((digest, layer.descriptor.size) for digest, layer in layers.items())
    blobs = [Blob.of_bytes(image.config_bytes), Blob.of_bytes(image.manifest_bytes)]
    for digest in missing:  # layers of the base image: the server has those of all steps
        layer = layers[digest]
        blobs.append(Blob(digest, layer.descriptor.size, await build.layer_file(layer)))
    await client.upload(blobs)
    names = [(blob.digest, blob.size) for blob in blobs] + [
        (digest, layer.descriptor.size) for digest, layer in layers.items() if digest not in missing
    ]
    await client.keep(image.manifest.digest, image.manifest.size, names)
