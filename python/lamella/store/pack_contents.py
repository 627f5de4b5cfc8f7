"""Which packs have a blob, by their footers."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from lamella._core import DigestSet, RecipeError, read_pack_footer
from lamella.index import BlobRecord, Location, Place
from lamella.model import Digest
from lamella.store.layout import pack_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lamella.store.layout import Layout


class PackContents:
    """Remembers what is in each pack whose footer was read: about 35 bytes of memory for each blob, until ``forget``.

    A pack never changes, and its name is used once; packs that are new are read when they are first seen. Blocks.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[int, DigestSet] = {}

    def find(self, wanted: Collection[Digest]) -> Iterator[BlobRecord]:
        """Yield where packs say that they have those blobs; ``wanted`` may shrink meanwhile."""
        packs = sorted(pack for path in self._layout.packs.iterdir() if (pack := pack_id(path.name)) is not None)
        for pack in packs:
            with suppress(OSError, RecipeError):
                if wanted and self._may_have(pack, wanted):
                    yield from (record for record in self._read(pack) if record.digest in wanted)

    def forget(self) -> None:
        """Give the memory back."""
        self._known.clear()

    def _may_have(self, pack: int, wanted: Collection[Digest]) -> bool:
        if pack not in self._known:
            digests = DigestSet()
            digests.add(b"".join(record.digest.raw for record in self._read(pack)))
            self._known[pack] = digests
        return len(self._known[pack].absent(b"".join(digest.raw for digest in wanted))) < 32 * len(wanted)

    def _read(self, pack: int) -> list[BlobRecord]:
        return [
            BlobRecord(Digest(raw), size, Place.PACKED, 0, 0, Location(pack, *place))
            for raw, size, *place in read_pack_footer(self._layout.pack(pack))
        ]
