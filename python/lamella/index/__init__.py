"""LMDB tables: the only place that knows LMDB."""

from lamella.index.actions import Actions
from lamella.index.blobs import INLINE_MAX, USED_RESOLUTION, BlobRecord, Blobs
from lamella.index.cache_exports import MAX_EXPORTS, CacheExports, Exports
from lamella.index.contents import ContentRecord, Contents
from lamella.index.counters import CounterKey, Counters, CounterTable
from lamella.index.environment import Index
from lamella.index.health import Health
from lamella.index.hidden_blobs import HiddenBlobs
from lamella.index.layers import LayerRecord, Layers
from lamella.index.leases import Lease, Leases
from lamella.index.manifests import ManifestRecord, ManifestTable, References
from lamella.index.packs import PackRecord, PackTable
from lamella.index.place import Location, Place
from lamella.index.project_usage import ProjectUsage, ProjectUsages, ProjectUsageTable
from lamella.index.scrub_state import ScrubState, ScrubTable
from lamella.index.sha512_names import Sha512Names
from lamella.index.step_record import StepRecord
from lamella.index.steps import Steps
from lamella.index.tags import TagTable
from lamella.index.units import UnitRow, Units
from lamella.index.usage import Usage, UsageTable
from lamella.index.uses import UnitKind, Uses
from lamella.index.whole import WholeBlobs

__all__ = [
    "INLINE_MAX",
    "MAX_EXPORTS",
    "USED_RESOLUTION",
    "Actions",
    "BlobRecord",
    "Blobs",
    "CacheExports",
    "ContentRecord",
    "Contents",
    "CounterKey",
    "CounterTable",
    "Counters",
    "Exports",
    "Health",
    "HiddenBlobs",
    "Index",
    "LayerRecord",
    "Layers",
    "Lease",
    "Leases",
    "Location",
    "ManifestRecord",
    "ManifestTable",
    "PackRecord",
    "PackTable",
    "Place",
    "ProjectUsage",
    "ProjectUsageTable",
    "ProjectUsages",
    "References",
    "ScrubState",
    "ScrubTable",
    "Sha512Names",
    "StepRecord",
    "Steps",
    "TagTable",
    "UnitKind",
    "UnitRow",
    "Units",
    "Usage",
    "UsageTable",
    "Uses",
    "WholeBlobs",
]
