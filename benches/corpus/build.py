"""Makes the layers, each once: a file that has its name is complete."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benches.corpus import encoders
from benches.corpus.bytecode import compiled
from benches.corpus.debian import write_state
from benches.corpus.pins import read_pins
from benches.corpus.site_packages import unpack
from benches.corpus.tar_layer import write_layer
from benches.corpus.wheels import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benches.corpus.pins import Release

FOLDER: Final = Path(__file__).parents[2] / ".cache" / "corpus"
"""Where the corpus is kept between runs."""

REVISION: Final = 1
"""Counts the changes of what is made of one and the same pin; a new revision has a folder of its own."""


@dataclass(frozen=True)
class Layer:
    """One layer of a series; ``make`` writes its plain tar to a path."""

    series: str
    version: str
    make: Callable[[Path], None]


@dataclass(frozen=True)
class Series:
    """Releases of one thing, oldest first, each a layer."""

    name: str
    layers: tuple[Layer, ...]


class Corpus:
    """The layers as files below ``folder``; each is made when it is first asked for.

    ``quick`` is a seventh of the whole, native code and other; ``debian`` needs mmdebstrap and a mirror. Only one
    process at a time may ask. Every method raises ``CorpusError`` where what it needs is not to be had.
    """

    def __init__(self, folder: Path = FOLDER, *, quick: bool = False, debian: bool = True) -> None:
        self._folder = folder
        pins = read_pins()
        self.series: list[Series] = []
        for package in pins.packages:
            if package.quick or not quick:
                self.series.append(self._packages(package.name, package.releases, bytecode=False))
                if package.bytecode and not quick:
                    self.series.append(self._packages(f"{package.name} with .pyc", package.releases, bytecode=True))
        if debian and not quick:
            states = (Layer("debian", state.name, partial(write_state, state=state)) for state in pins.debian)
            self.series.append(Series("debian", tuple(states)))

    def __iter__(self) -> Iterator[Layer]:
        """All layers, one series after the other."""
        return (layer for series in self.series for layer in series.layers)

    def plain(self, layer: Layer) -> Path:
        """Return a layer as a plain tar."""
        return self._made(layer, ".tar", layer.make)

    def compressed(self, layer: Layer, encoding: str) -> Path:
        """Return a layer as a compressed tar; ``encoding`` is one of ``encoders.EXTENSIONS``."""
        encode = partial(encoders.encode, self._program, encoding, self.plain(layer))
        return self._made(layer, f".tar{encoders.EXTENSIONS[encoding]}", encode)

    @cached_property
    def _program(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return encoders.build(self._folder)

    def _packages(self, name: str, releases: Sequence[Release], *, bytecode: bool) -> Series:
        make = partial(self._install, bytecode=bytecode)
        return Series(name, tuple(Layer(name, one.version, partial(make, release=one)) for one in releases))

    def _install(self, path: Path, *, release: Release, bytecode: bool) -> None:
        files = unpack(fetch(release, self._folder / "wheels"), release.built)
        if bytecode:
            files += compiled(files, f"{release.package} {release.version}")
        write_layer(path, files, release.built)

    def _made(self, layer: Layer, extension: str, make: Callable[[Path], None]) -> Path:
        folder = self._folder / f"layers-{REVISION}" / layer.series.replace(" ", "-")
        path = folder / f"{layer.version.replace(' ', '-')}{extension}"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"{path.name}.draft")
            make(draft)
            draft.rename(path)
        return path


def digest_of(paths: Sequence[Path]) -> str:
    """Return the SHA-256, in hex, of the SHA-256s of some files: what two runs compare."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()
