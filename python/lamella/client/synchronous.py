"""The client for code without asyncio: the same calls, run on one background thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from lamella.client.asynchronous import AsyncClient, ignore_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from lamella.client.blob import Blob
    from lamella.client.chunk_cache import ChunkCache
    from lamella.client.connection import Traffic
    from lamella.client.report import Capabilities, StatsRow
    from lamella.client.store_usage import StoreUsage
    from lamella.model import Digest, GroupBy, Scope, Step, StepResult
    from lamella.steps.commit import Committed
    from lamella.steps.resolve import Answer, Node

T = TypeVar("T")


class Client:
    """``AsyncClient`` for threads: every method means what the one of the same name there does.

    It may be used from several threads at once, and must be closed, best by ``with Client() as client``.
    ``progress`` functions are called on the background thread.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        scope: Scope | None = None,
        builder: str = "",
        chunk_cache: ChunkCache | None = None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lamella-client", daemon=True)
        self._thread.start()

        async def connect() -> AsyncClient:
            return AsyncClient(address, scope=scope, builder=builder, chunk_cache=chunk_cache)

        try:
            self._client = self._run(connect())
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the channel and end the thread; calls that still run are cancelled."""
        if self._thread.is_alive():
            self._run(self._client.close())
            self._stop()

    @property
    def traffic(self) -> Traffic:
        """Bytes sent and received so far."""
        return self._client.traffic

    def capabilities(self) -> Capabilities:
        """Ask what the server can do."""
        return self._run(self._client.capabilities())

    def is_serving(self) -> bool:
        """Ask whether the server accepts work."""
        return self._run(self._client.is_serving())

    def missing(self, blobs: Iterable[tuple[Digest, int]]) -> set[Digest]:
        """Return which digests the server does not have."""
        return self._run(self._client.missing(blobs))

    def sizes(self, digests: Iterable[Digest]) -> dict[Digest, int]:
        """Return the sizes of the blobs that the server has."""
        return self._run(self._client.sizes(digests))

    def upload(self, blobs: Sequence[Blob], progress: Callable[[int], None] = ignore_progress) -> set[Digest]:
        """Send the blobs that the server does not have."""
        return self._run(self._client.upload(blobs, progress))

    def keep(self, digest: Digest, size: int, blobs: Iterable[tuple[Digest, int]]) -> None:
        """Let the server keep blobs together, under the name of one of them."""
        self._run(self._client.keep(digest, size, blobs))

    def use(self, digest: Digest, size: int) -> None:
        """Count what was kept under a blob's name as used."""
        self._run(self._client.use(digest, size))

    def download(
        self, digest: Digest, size: int, path: Path, progress: Callable[[int], None] = ignore_progress
    ) -> None:
        """Write a blob to a file."""
        self._run(self._client.download(digest, size, path, progress))

    def read(self, digest: Digest, size: int, most: int) -> bytes:
        """Return a small blob."""
        return self._run(self._client.read(digest, size, most))

    def resolve(self, nodes: Sequence[Node]) -> list[Answer]:
        """Look up the steps of a Dockerfile."""
        return self._run(self._client.resolve(nodes))

    def commit(self, step: Step, key: Digest, result: StepResult) -> Committed:
        """Keep the result of a step."""
        return self._run(self._client.commit(step, key, result))

    def stats(
        self, group_by: Sequence[GroupBy] = (), *, project: str = "", since: float | None = None
    ) -> list[StatsRow]:
        """Return counters."""
        return self._run(self._client.stats(group_by, project=project, since=since))

    def usage(self, *, project: str = "") -> StoreUsage:
        """Return what the store holds."""
        return self._run(self._client.usage(project=project))

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
