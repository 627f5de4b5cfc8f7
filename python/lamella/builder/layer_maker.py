"""Does the work of COPY, ADD and WORKDIR: makes the layer that such a step adds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamella import _core
from lamella.builder.archive import is_archive, unpack
from lamella.builder.placement import make_folder, place
from lamella.errors import Invalid
from lamella.layers.accounts import owner
from lamella.model import MEDIA_TYPE_LAYER, Descriptor, Digest, Heredoc, Layer
from lamella.steps.permissions import Chmod
from lamella.steps.work import CopyWork, Selection, WorkdirWork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lamella._core import Entry
    from lamella.layers.tree import FileTree

HEREDOC_MODE = 0o644
BATCH = 4096
"""How many entries are written in one call."""


@dataclass(frozen=True, slots=True)
class LayerMaker:
    """Makes a layer on top of ``parent``, in ``folder``, an empty one, with every entry's time ``layer_time``.

    ``select`` returns what a selection of the step's origin holds.
    """

    parent: FileTree
    folder: Path
    layer_time: int
    select: Callable[[Selection], list[Entry]]

    def make(self, work: CopyWork | WorkdirWork) -> tuple[Layer, Path] | None:
        """Return the layer and its file, or None where nothing changes.

        Raises:
            FileNotFoundError: a source matches nothing.
            Invalid, TreeError: an owner, a mode or the destination is not possible.
            PatternError, LayerError, ContentChanged: a pattern or an archive is malformed, or a file changed meanwhile.
        """
        if isinstance(work, WorkdirWork):
            if not make_folder(self.parent, work.path):
                return None  # an owner that the parent does not know matters only where a folder is made
            return self._write(make_folder(self.parent, work.path, self._owner(work.owner) or (0, 0)))
        new_owner = self._owner(work.chown)
        entries = [
            _owned(entry, new_owner) for number in range(len(work.sources)) for entry in self._entries(work, number)
        ]
        return self._write(place(self.parent, entries, work.destination, new_owner or (0, 0)))

    def _owner(self, chown: str) -> tuple[int, int] | None:
        return owner(self.parent, chown) if chown else None

    def _entries(self, work: CopyWork, number: int) -> list[Entry]:
        source = work.sources[number]
        chmod = Chmod(work.chmod) if work.chmod else None
        if isinstance(source, Heredoc):
            return [_with_mode(self._heredoc(source, number), chmod)]
        if not isinstance(source, Selection):
            raise Invalid("ADD", "only local files can be added so far; fetch it and COPY it instead")
        selected = self.select(source)
        if not work.unpack or any(not entry.path for entry in selected):
            return [_with_mode(entry, chmod) for entry in selected]
        entries: list[Entry] = []
        for place_in_source, entry in enumerate(selected):
            if entry.kind == "file" and entry.source is not None and is_archive(Path(entry.source)):
                # As in BuildKit, --chmod leaves what is unpacked alone.
                entries += self._unpacked(Path(entry.source), entry, f"{number}-{place_in_source}.unpacked")
            else:
                entries.append(_with_mode(entry, chmod))
        return entries

    def _unpacked(self, archive: Path, entry: Entry, name: str) -> list[Entry]:
        entries = unpack(archive, self.folder / name)
        # The layer is kept under the digest that the archive had when the build was planned.
        if _core.hash_file(archive) != (entry.digest, entry.size):
            raise _core.ContentChanged(f"{archive} changed while it was added")
        return entries

    def _heredoc(self, heredoc: Heredoc, number: int) -> Entry:
        path = self.folder / f"{number}.heredoc"
        data = heredoc.body.encode()
        path.write_bytes(data)
        digest = Digest.of(data).raw
        return _core.Entry(heredoc.name, "file", mode=HEREDOC_MODE, size=len(data), digest=digest, source=str(path))

    def _write(self, entries: Sequence[Entry]) -> tuple[Layer, Path] | None:
        if not entries:
            return None
        for entry in entries:
            if entry.kind == "file" and entry.source is None:
                raise Invalid(entry.path, "a sparse file of another layer cannot be copied")
        path = self.folder / "layer.tar"
        writer = _core.LayerWriter(path, self.layer_time)
        for start in range(0, len(entries), BATCH):
            writer.add(entries[start : start + BATCH])
        raw, size = writer.finish()
        digest = Digest(raw)
        return Layer(Descriptor(digest, size, MEDIA_TYPE_LAYER), digest), path


def _owned(entry: Entry, new_owner: tuple[int, int] | None) -> Entry:
    return entry if new_owner is None else entry.replace(uid=new_owner[0], gid=new_owner[1])


def _with_mode(entry: Entry, chmod: Chmod | None) -> Entry:
    if chmod is None or entry.kind == "symlink":
        return entry
    return entry.replace(mode=chmod.apply(entry.mode, is_folder=entry.kind == "directory"))
