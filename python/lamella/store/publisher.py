"""Makes complete, synced files durable, visible blobs: many at once."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lamella.errors import ReadOnly
from lamella.index.group_commit import GroupCommit, Job
from lamella.store.layout import Layout, locked_folder

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from lamella._core import BlobFile
    from lamella.index import Blobs, Index
    from lamella.index.table import Transaction
    from lamella.model import Digest

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Publication:
    """A file whose bytes are on the disk, and what they are."""

    file: BlobFile
    digest: Digest
    size: int


_Job: TypeAlias = Job[Publication, None]


class Publisher:
    """Links files into place, syncs each folder once, tells the index in one transaction, then tells who waits.

    A file that has the name already is the same blob (its bytes were synced before it got its name), so it is kept.
    """

    def __init__(self, layout: Layout, index: Index, blobs: Blobs) -> None:
        self._layout = layout
        self._index = index
        self._blobs = blobs
        self._group = GroupCommit(self._execute, f"the publisher of {layout.root}")

    def submit(self, publication: Publication) -> Future[None]:
        """Publish a file; closing it stays with the caller.

        Raises (in the future):
            ReadOnly: the disk or the index failed, now or before.
            StorageFull: there is no room for the name or the index entry.
        """
        return self._group.submit(publication)

    def close(self) -> None:
        """Finish what is queued."""
        self._group.close()

    def _execute(self, jobs: list[_Job]) -> None:
        failures: dict[_Job, Exception] = {}
        try:
            with ExitStack() as locks:
                linked = self._link(jobs, failures, locks)
                self._index.submit(lambda txn: self._record(txn, linked)).result()
        except Exception as error:  # noqa: BLE001 - every job hears of it, and the thread must go on to say so
            for job in jobs:
                failures.setdefault(job, error)
                self._remove_unrecorded(job.work.digest)
        for job in jobs:
            if job in failures:
                job.future.set_exception(failures[job])
            else:
                job.future.set_result(None)

    def _link(self, jobs: list[_Job], failures: dict[_Job, Exception], locks: ExitStack) -> list[_Job]:
        """Give the files their names, durably; return the jobs that did not fail, with their folders locked."""
        self._index.health.check()
        folders: dict[Path, list[_Job]] = {}
        for job in jobs:
            try:
                # Before any folder is locked: who waits for one alone must not hold another.
                self._set_aside_damaged(job.work)
            except OSError as error:
                failures[job] = error
            else:
                folders.setdefault(self._layout.blob_folder(job.work.digest), []).append(job)
        for folder, members in folders.items():
            descriptor = locks.enter_context(locked_folder(folder, exclusive=False))
            for job in members:
                try:
                    self._name(job.work)
                except Exception as error:  # noqa: BLE001 - it belongs to this job alone
                    failures[job] = error
            try:
                os.fsync(descriptor)
            except OSError as error:
                self._index.health.folder_sync_failed(folder, error)
        return [job for job in jobs if job not in failures]

    def _name(self, publication: Publication) -> None:
        try:
            publication.file.publish(self._layout.blob(publication.digest))
        except OSError as error:
            self._index.health.write_failed(error)

    def _set_aside_damaged(self, publication: Publication) -> None:
        """Make room for a file whose name one of another size has, alone with the folder: others may do the same."""
        path = self._layout.blob(publication.digest)
        if not _is_damaged(path, publication.size):
            return
        with locked_folder(path.parent, exclusive=True):
            if _is_damaged(path, publication.size):
                logger.error("%s is damaged: set aside for the same blob, uploaded again", path)
                path.replace(self._layout.quarantine / path.name)

    def _record(self, txn: Transaction, jobs: list[_Job]) -> None:
        for job in jobs:
            self._blobs.put(txn, job.work.digest, job.work.size)

    def _remove_unrecorded(self, digest: Digest) -> None:
        """Take back a name that the index does not know, so that a full disk gets its room back."""
        path = self._layout.blob(digest)
        try:
            with locked_folder(path.parent, exclusive=True):
                if self._blobs.current(digest) is None:
                    path.unlink(missing_ok=True)
        except (OSError, ReadOnly):
            logger.warning("%s is left over; `lamella admin reindex` takes it in", path, exc_info=True)


def _is_damaged(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size != size
    except FileNotFoundError:
        return False
