"""The store that a server serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lamella.index import USED_RESOLUTION
from lamella.maintenance.compact import DEFAULT_COLD_AFTER
from lamella.maintenance.kept_limit import keep_limit
from lamella.store.local import LocalStore
from lamella.store.reads import Reads

if TYPE_CHECKING:
    from lamella.server.config import ServerConfig

_LATE: Final = 0.25
"""How late the last use of a hot blob may be written down, as a share of the time after which it turns cold."""


def open_store(config: ServerConfig) -> LocalStore:
    """Open the store that a configuration asks for, and leave its limit there; raises as ``LocalStore``.

    Reads count for as long as a use keeps a blob hot: what is read less often would turn cold in between.
    """
    cold_after = DEFAULT_COLD_AFTER if config.cold_after is None else config.cold_after
    store = LocalStore(
        config.data_folder,
        max_blob_size=config.max_blob_size,
        max_size=config.garbage.max_size,
        hot_resolution=min(USED_RESOLUTION, cold_after * _LATE),
        reads=None if config.warm_after is None else Reads(config.warm_after, cold_after),
    )
    try:
        keep_limit(config.data_folder, config.garbage.max_size)
    except BaseException:
        store.close()
        raise
    return store
