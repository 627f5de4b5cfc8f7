"""A wheel as pip unpacks it (PyPA, "Binary distribution format"), and the time that it takes."""

from __future__ import annotations

import base64
import configparser
import hashlib
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from benches.corpus.tar_layer import File

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX: Final = PurePosixPath("usr/local")
"""Where the images of Docker's library keep their Python."""

SITE_PACKAGES: Final = PREFIX / "lib/python3.11/site-packages"
"""Where packages are installed."""

FILES_A_SECOND: Final = 1_000
"""How fast pip unpacks: files get the time at which they are written, so that of a layer's files not all have one."""

_SCHEME: Final = {"purelib": SITE_PACKAGES, "platlib": SITE_PACKAGES, "scripts": PREFIX / "bin", "data": PREFIX}
"""Where the parts of a wheel's ``.data`` folder go."""

_NOTES: Final = {"INSTALLER": b"pip\n", "REQUESTED": b""}
"""What pip writes beside the metadata."""

_SCRIPT: Final = """#!/usr/local/bin/python3.11
import sys
from {module} import {function}
if __name__ == '__main__':
    sys.exit({function}())
"""


def unpack(wheel: Path, built: int) -> list[File]:
    """Return the files that ``pip install --no-compile`` makes of a wheel, beginning at the time ``built``."""
    found: list[tuple[PurePosixPath, bytes, int]] = []
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                executable = info.external_attr >> 16 & 0o111
                found.append((_place(info.filename), archive.read(info), 0o755 if executable else 0o644))
    record, listed, _ = next(file for file in found if file[0].match("*.dist-info/RECORD"))
    found = [file for file in found if file[0] != record]
    added = list(_scripts(record.parent, found))
    added += [(record.parent / name, content, 0o644) for name, content in _NOTES.items()]
    rows = [*listed.decode().splitlines(), *(_row(path, content) for path, content, _ in added)]
    found += [*added, (record, "".join(f"{row}\n" for row in sorted(rows)).encode(), 0o644)]
    return [File(path, body, mode, built + number // FILES_A_SECOND) for number, (path, body, mode) in enumerate(found)]


def _place(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.parts[0].endswith(".data"):
        return _SCHEME[path.parts[1]].joinpath(*path.parts[2:])
    return SITE_PACKAGES / path


def _scripts(
    metadata: PurePosixPath, files: list[tuple[PurePosixPath, bytes, int]]
) -> Iterator[tuple[PurePosixPath, bytes, int]]:
    """Make the commands that the wheel declares."""
    entry_points = configparser.ConfigParser(delimiters="=")
    for path, content, _ in files:
        if path == metadata / "entry_points.txt":
            entry_points.read_string(content.decode())
    if entry_points.has_section("console_scripts"):
        for name, target in entry_points["console_scripts"].items():
            module, _, function = target.partition(":")
            yield PREFIX / "bin" / name, _SCRIPT.format(module=module, function=function).encode(), 0o755


def _row(path: PurePosixPath, content: bytes) -> str:
    """Describe a file as RECORD does, relative to site-packages."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    name = f"../../../bin/{path.name}" if path.parent == PREFIX / "bin" else path.relative_to(SITE_PACKAGES)
    return f"{name},sha256={digest},{len(content)}"
