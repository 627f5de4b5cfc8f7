"""The images that stages start from: OCI layouts that ``--build-context`` gives the name of an image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamella.errors import Invalid, LamellaError
from lamella.layers.oci_layout import OciLayout
from lamella.model import chain_id
from lamella.steps.stages import SCRATCH_NAME
from lamella.steps.work import BaseImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lamella.layers.image import Image
    from lamella.model import Layer, Platform

SCHEME = "oci-layout://"


@dataclass(frozen=True, slots=True)
class LayoutReference:
    """An image in a layout folder; ``reference`` is a tag or digest, empty for the only or latest image."""

    folder: Path
    reference: str = ""

    @classmethod
    def parse(cls, text: str) -> LayoutReference:
        """Read ``oci-layout://PATH[:TAG|@DIGEST]``, as BuildKit writes it.

        Raises:
            Invalid: the text is of another form.
        """
        if not text.startswith(SCHEME) or text == SCHEME:
            raise Invalid("--build-context", f"{text!r} is not {SCHEME}PATH[:TAG|@DIGEST]")
        path = text[len(SCHEME) :]
        folder, at, digest = path.partition("@")
        if at:
            return cls(Path(folder), digest)
        before, colon, tag = path.rpartition(":")
        return cls(Path(before), tag) if colon and "/" not in tag else cls(Path(path))


class LayoutImages:
    """Finds images in the layouts that were given names; the planner's ``BaseImages``."""

    def __init__(self, layouts: Mapping[str, LayoutReference]) -> None:
        self._layouts = layouts
        self._found: dict[tuple[str, Platform], tuple[OciLayout, Image]] = {}

    def resolve(self, reference: str, platform: Platform) -> BaseImage:
        """Return the image of this name.

        Raises:
            LookupError: no layout was given this name.
            ValueError: its layout or the image is malformed, or has no image for this platform.
        """
        source = self._layouts.get(reference)
        if source is None:
            raise LookupError(
                f"images are not pulled; give it as an OCI layout: --build-context {reference}={SCHEME}FOLDER[:TAG]"
            )
        try:
            layout = OciLayout(source.folder)
            image = layout.image(source.reference, platform)
        except (LamellaError, OSError) as error:
            raise ValueError(str(error)) from error
        self._found[reference, platform] = layout, image
        diff_ids = tuple(layer.diff_id for layer in image.layers)
        return BaseImage(reference, platform, chain_id(diff_ids), diff_ids, image.configuration)

    def layers(self, base: BaseImage) -> tuple[Layer, ...]:
        """Return the layers of an image that ``resolve`` returned, lowest first; ``scratch`` has none."""
        if base.reference == SCRATCH_NAME:
            return ()
        return self._found[base.reference, base.platform][1].layers

    def layer_path(self, layer: Layer) -> Path | None:
        """Return the file of a layer of these images, after it has been checked; None where it is none of theirs.

        Raises:
            LayoutError, DigestMismatch, SizeMismatch: it is not there, or not what it should be.
        """
        for layout, image in self._found.values():
            if layer in image.layers:
                return layout.layer_path(layer.descriptor)
        return None
