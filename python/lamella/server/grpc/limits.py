"""What one request may ask for. Clients learn the batch size from Capabilities."""

from __future__ import annotations

from typing import Final

MAX_PAYLOAD: Final = 4 << 20
"""The most bytes of a blob in one message: what gRPC's implementations take by default."""

MAX_MESSAGE: Final = MAX_PAYLOAD + (64 << 10)
"""The largest message, in bytes: a payload and its envelope. gRPC answers RESOURCE_EXHAUSTED to larger ones."""

MAX_BATCH_SIZE: Final = 3 << 20
"""The most bytes of blobs in one batch, up or down; with ``MAX_BATCH_BLOBS`` envelopes it fits a payload."""

MAX_BATCH_BLOBS: Final = 4096
"""The most blobs in one batch, up or down."""

MAX_DIGESTS: Final = 50_000
"""The most digests in one FindMissingBlobs."""

MAX_CHUNKS: Final = 50_000
"""The most chunks of one blob in SplitBlob and SpliceBlob: their digests fit a message."""

MAX_SPLICES: Final = 4
"""Blobs that one process puts together at a time; further ones wait for their turn."""

MAX_DELTAS: Final = 16
"""Pushes and pulls of ``Delta`` in progress in one process; further ones wait for their turn."""

MAX_DELTA_FRAMES: Final = 4
"""Frames of ``Delta`` that are compressed or decompressed at a time in one process: each takes up to 13 MiB, mostly of
its base, whose turn further ones wait for."""

MAX_STEPS: Final = 2000
"""The most steps in one Resolve."""

MAX_ACTION_RESULT: Final = 1 << 20
"""The largest action result, in bytes."""

MAX_DIRECTORY: Final = 16 << 20
"""The largest Directory or Tree message that the server reads, in bytes."""

MAX_TREE_DIRECTORIES: Final = 100_000
"""The most directories that one GetTree walks."""

MAX_UPLOADS: Final = 64
"""ByteStream uploads in progress in one process; further ones wait for their turn."""

MAX_IDLE_SECONDS: Final = 300.0
"""How long an upload may send nothing before its turn ends."""

MAX_CALLS: Final = 1024
"""Calls in one process at a time, health watches included; gRPC answers RESOURCE_EXHAUSTED to further ones."""

MAX_WAITING_CALLS: Final = 16 << 10
"""Calls that have come and are not looked at yet; gRPC ends further ones with CANCELLED. Its own limit, 1,000, is
what one busy client sends at once, although most of these calls are over before the next are looked at."""
