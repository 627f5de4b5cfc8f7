"""What the gRPC door calls: the parts that ``process.py`` puts together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamella.index import Actions, CounterTable, ProjectUsageTable, UsageTable
    from lamella.layers.ingest import LayerVerifier
    from lamella.server.results import StepResults
    from lamella.stats.recorder import Recorder
    from lamella.store.bases import Bases
    from lamella.store.chunk_lists import ChunkLists
    from lamella.store.outgoing import Sender
    from lamella.store.protocol import BlobStore
    from lamella.store.receiver import Receiver
    from lamella.store.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Domain:
    """``max_blob_size`` is in bytes."""

    store: BlobStore
    chunk_lists: ChunkLists
    receiver: Receiver
    sender: Sender
    bases: Bases
    uploads: Uploads
    actions: Actions
    results: StepResults
    layers: LayerVerifier
    recorder: Recorder
    counters: CounterTable
    usage: UsageTable
    project_usage: ProjectUsageTable
    max_blob_size: int
