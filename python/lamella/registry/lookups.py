"""Telling cache lookups from ordinary pulls.

buildah and kaniko get a step by a tag that is its 64-digit key. BuildKit asks for all of a cache at once: it gets
one manifest that holds the whole graph, so one such read is one lookup. To ask with HEAD is a part of something else:
BuildKit does so before it reads, and go-containerregistry, which is in kaniko, before it pushes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lamella.registry.names import Tag

if TYPE_CHECKING:
    from lamella.index import ManifestRecord
    from lamella.registry.names import Reference

_STEP_KEY = re.compile(r"[0-9a-f]{64}\Z")


def is_lookup(reference: Reference, record: ManifestRecord | None) -> bool:
    """Tell whether getting a manifest, which found ``record`` or nothing, was a cache lookup."""
    if isinstance(reference, Tag) and _STEP_KEY.match(reference.name) is not None:
        return True
    return record is not None and record.buildkit_cache
