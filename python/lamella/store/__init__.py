"""Blobs: the protocol, the local store, and wrappers of the same protocol."""
