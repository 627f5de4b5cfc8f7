"""Files as the plain tar that an image build makes of them: in the order of a walk, owned by root."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class File:
    """One regular file of a layer; ``path`` is relative to the root, ``modified`` in seconds since the epoch."""

    path: PurePosixPath
    content: bytes
    mode: int
    modified: int


def write_layer(path: Path, files: Iterable[File], built: int) -> None:
    """Write the tar of ``files`` and of the folders above them, which were all made at the time ``built``."""
    by_path = {file.path: file for file in files}
    folders = {parent for file in by_path for parent in file.parents} - {PurePosixPath()}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted({*by_path, *folders}, key=lambda name: name.parts):
            member = tarfile.TarInfo(str(name))
            if file := by_path.get(name):
                member.size, member.mode, member.mtime = len(file.content), file.mode, file.modified
                tar.addfile(member, BytesIO(file.content))
            else:
                member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, built
                tar.addfile(member)
