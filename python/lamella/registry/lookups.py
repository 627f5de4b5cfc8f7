"""Telling cache lookups from ordinary pulls.

buildah and kaniko ask for a step by a tag that is its 64-digit key. BuildKit asks for all of a cache at once: it gets
one manifest that holds the whole graph, so one such read is one lookup.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lamella.registry.names import Tag

if TYPE_CHECKING:
    from lamella.index import ManifestRecord
    from lamella.registry.names import Reference

_STEP_KEY = re.compile(r"[0-9a-f]{64}\Z")


def is_lookup(reference: Reference, record: ManifestRecord | None, *, body: bool) -> bool:
    """Tell whether a request that found ``record``, or nothing, was a cache lookup.

    ``body`` says whether it asked for the manifest itself: BuildKit first asks where a tag points to, and that is part
    of the same lookup.
    """
    if isinstance(reference, Tag) and _STEP_KEY.match(reference.name) is not None:
        return True
    return record is not None and record.buildkit_cache and body
