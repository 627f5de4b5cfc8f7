"""Compression as builders of container images do it: their own Go libraries, in a small program, and zlib."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Final

from benches.corpus.errors import CorpusError

SOURCE: Final = Path(__file__).with_name("compress")
"""The program; ``go.sum`` pins its libraries."""

EXTENSIONS: Final = {"gzip": ".gz", "pgzip": ".pgzip.gz", "zlib": ".zlib.gz", "zstd": ".zst"}
"""The formats, and what files of each end with; the program writes all but zlib's, which is Python's own."""

GZIP: Final = 31
"""A window of 32 KiB and gzip's header, as zlib names them."""

BUFFER_SIZE: Final = 1 << 20


def build(folder: Path) -> Path:
    """Return the program, compiled into ``folder``.

    Raises:
        CorpusError: there is no Go, or it cannot fetch the libraries.
    """
    if shutil.which("go") is None:
        raise CorpusError("go is not installed (1.24 to 1.26): layers are compressed with the builders' own libraries")
    program = folder / "compress"
    command = ["go", "build", "-buildvcs=false", "-o", str(program.absolute()), "."]
    done = subprocess.run(command, cwd=SOURCE, check=False, capture_output=True, text=True)
    if done.returncode:
        raise CorpusError(f"{done.stderr.strip()}\ngo cannot build {SOURCE}; is the module proxy in reach?")
    return program


def go_version() -> str:
    """Return which Go it is, for example ``go1.26.8``: its library is one of the encoders."""
    command = ["go", "env", "GOVERSION"]
    return subprocess.run(command, cwd=SOURCE, check=True, capture_output=True, text=True).stdout.strip()


def encode(program: Path, encoding: str, source: Path, target: Path) -> None:
    """Write ``source``, compressed, to ``target``.

    Raises:
        CorpusError: the program failed.
    """
    if encoding == "zlib":
        _encode_with_zlib(source, target)
        return
    with source.open("rb") as plain, target.open("wb") as compressed:
        done = subprocess.run([program, encoding], stdin=plain, stdout=compressed, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise CorpusError(f"{source}: {done.stderr.decode(errors='replace').strip()}")


def _encode_with_zlib(source: Path, target: Path) -> None:
    """Compress at zlib's default level, as Java and libarchive do."""
    encoder = zlib.compressobj(wbits=GZIP)
    with source.open("rb") as plain, target.open("wb") as compressed:
        while content := plain.read(BUFFER_SIZE):
            compressed.write(encoder.compress(content))
        compressed.write(encoder.flush())
