"""The writer of a local store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from lamella.model import Digest
    from lamella.store.buffered_file import BufferedFile
    from lamella.store.committer import Committer


class LocalWriter:
    """A ``BlobWriter``; whoever made ``file`` closes it."""

    def __init__(self, file: BufferedFile, committer: Committer, expected: Digest | None) -> None:
        self._file = file
        self._committer = committer
        self._expected = expected
        self._over = False

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.size

    async def write(self, buffer: Buffer) -> None:
        """See ``BlobWriter.write``.

        Raises:
            StorageFull: there is no room.
        """
        self._check_open()
        try:
            await self._file.write(buffer)
        except BaseException:
            self._over = True
            raise

    async def commit(self) -> Digest:
        """See ``BlobWriter.commit``.

        Raises:
            StorageFull: there is no room.
        """
        self._check_open()
        self._over = True
        return await self._committer.commit(self._file, self._expected)

    def _check_open(self) -> None:
        if self._over:
            raise RuntimeError("the writer was committed, or has failed")
