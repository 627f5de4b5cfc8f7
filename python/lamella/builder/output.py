"""Where an image goes: an OCI layout folder, the same as one tar, or nowhere."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamella.errors import Invalid, LamellaError
from lamella.layers.oci_layout import OciLayout
from lamella.layers.oci_layout_writer import OciLayoutWriter, pack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lamella.layers.image import Image
    from lamella.model import Layer


@dataclass(frozen=True, slots=True)
class Output:
    """An OCI layout to write; ``as_tar`` as one file."""

    path: Path
    as_tar: bool

    @classmethod
    def parse(cls, text: str) -> Output | None:
        """Read ``FOLDER``, ``FILE.tar``, ``none``, or BuildKit's ``type=oci,dest=PATH[,tar=false]``.

        Raises:
            Invalid: a field is unknown, or the type is not ``oci``.
        """
        if text == "none":
            return None
        if "=" not in text:
            return cls(Path(text), text.endswith(".tar"))
        fields = dict(part.partition("=")[::2] for part in text.split(","))
        unknown = ", ".join(sorted(fields.keys() - {"type", "dest", "tar"}))
        if unknown or fields.get("type") != "oci" or not fields.get("dest"):
            reason = f"unknown: {unknown}" if unknown else "expected a path, or type=oci,dest=PATH"
            raise Invalid(f"--output {text}", reason)
        if fields.get("tar", "true") not in {"true", "false"}:
            raise Invalid(f"--output {text}", "tar is true or false")
        return cls(Path(fields["dest"]), fields.get("tar", "true") == "true")

    async def write(
        self,
        image: Image,
        reference: str,
        layer_file: Callable[[Layer], Awaitable[Path]],
        already: Callable[[Layer], None] = lambda _: None,
    ) -> None:
        """Write the image, tagged ``reference`` (or not, where that is empty).

        ``already`` is called with each layer that the folder has from an older image; ``layer_file`` gets the others.

        Raises:
            OSError: the destination cannot be written; an older layout there stays as it was, but for unused blobs.
            What ``layer_file`` raises.
        """
        files = []
        for layer in image.layers:
            path = await asyncio.to_thread(self._find, layer)
            if path is not None:
                already(layer)
            files.append((layer, path or await layer_file(layer)))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.as_tar:
            await asyncio.to_thread(_write_folder, self.path, image, reference, files)
            return
        with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".tmp-") as name:
            folder = Path(name) / "layout"
            await asyncio.to_thread(_write_folder, folder, image, reference, files)
            await asyncio.to_thread(pack, folder, self.path)

    def _find(self, layer: Layer) -> Path | None:
        """Return the file of a layer that the folder has, once its digest has been checked."""
        if self.as_tar:
            return None
        try:
            return OciLayout(self.path).layer_path(layer.descriptor)
        except LamellaError:
            return None  # not there, or damaged: it is written anew


def _write_folder(folder: Path, image: Image, reference: str, files: list[tuple[Layer, Path]]) -> None:
    writer = OciLayoutWriter(folder)
    for layer, path in files:
        writer.add_file(layer.descriptor.digest, path)
    writer.add_bytes(image.config.digest, image.config_bytes)
    writer.add_bytes(image.manifest.digest, image.manifest_bytes)
    writer.finish(image.manifest, image.platform, reference)
