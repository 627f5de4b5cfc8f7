"""Blobs: the protocol, the local store, and wrappers of the same protocol."""

from lamella.store.buffered_file import MAX_BLOB_SIZE
from lamella.store.coalesce import CoalescingStore
from lamella.store.local import LocalStore
from lamella.store.memory import MemoryStore
from lamella.store.protocol import BUFFER_SIZE, BlobFiles, BlobInfo, BlobStore, BlobWriter
from lamella.store.reindex import ReindexReport, reindex
from lamella.store.uploads import UPLOAD_LIFETIME, Upload, Uploads
from lamella.store.verify import VerifyingStore

__all__ = [
    "BUFFER_SIZE",
    "MAX_BLOB_SIZE",
    "UPLOAD_LIFETIME",
    "BlobFiles",
    "BlobInfo",
    "BlobStore",
    "BlobWriter",
    "CoalescingStore",
    "LocalStore",
    "MemoryStore",
    "ReindexReport",
    "Upload",
    "Uploads",
    "VerifyingStore",
    "reindex",
]
