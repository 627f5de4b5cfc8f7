from __future__ import annotations

from pathlib import Path

import pytest

from lamella.builder.base_images import LayoutImages, LayoutReference
from lamella.builder.output import Output
from lamella.errors import Invalid
from lamella.model import Platform


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", None),
        ("out", Output(Path("out"), as_tar=False)),
        ("out/image.tar", Output(Path("out/image.tar"), as_tar=True)),
        ("type=oci,dest=x", Output(Path("x"), as_tar=True)),
        ("type=oci,dest=x,tar=false", Output(Path("x"), as_tar=False)),
    ],
)
def test_outputs(text: str, expected: Output | None) -> None:
    assert Output.parse(text) == expected


@pytest.mark.parametrize("text", ["type=docker,dest=x", "type=oci", "type=oci,dest=x,tar=maybe", "dest=x", "a=b"])
def test_an_output_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="--output"):
        Output.parse(text)


@pytest.mark.parametrize(
    ("text", "folder", "reference"),
    [
        ("oci-layout:///images/base", "/images/base", ""),
        ("oci-layout://base:v1", "base", "v1"),
        ("oci-layout://host:80/base", "host:80/base", ""),
        ("oci-layout://base@sha256:00", "base", "sha256:00"),
    ],
)
def test_layouts_are_named_as_in_buildkit(text: str, folder: str, reference: str) -> None:
    assert LayoutReference.parse(text) == LayoutReference(Path(folder), reference)


@pytest.mark.parametrize("text", ["base", "docker-image://alpine", "oci-layout://"])
def test_another_kind_of_build_context_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="oci-layout://PATH"):
        LayoutReference.parse(text)


def test_an_image_without_a_layout_is_told_with_the_option() -> None:
    with pytest.raises(LookupError, match="--build-context debian:12=oci-layout://"):
        LayoutImages({}).resolve("debian:12", Platform("linux", "amd64"))
    with pytest.raises(ValueError, match="not an OCI layout"):
        LayoutImages({"x": LayoutReference(Path("/nowhere"))}).resolve("x", Platform("linux", "amd64"))
