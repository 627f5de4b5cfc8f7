"""The image that a build ends in: the same bytes wherever the same steps have the same results."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lamella.layers import media_types
from lamella.layers.image import Image, assemble, descriptor_json
from lamella.model import Descriptor, Digest
from lamella.steps.config import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lamella.model import Layer, StepResult
    from lamella.steps.plan import Plan, PlannedStage


def image_of(plan: Plan, results: Sequence[StepResult], base_layers: tuple[Layer, ...]) -> Image:
    """Return the image of the plan's target.

    ``results`` are those of ``plan.steps``; ``base_layers`` are the layers of the target's base image.
    """
    target = plan.target
    lineage = _lineage(plan)
    steps = [place for stage in lineage for place in stage.steps]
    layers = (*base_layers, *(layer for place in steps if (layer := results[place].layer) is not None))
    created = datetime.fromtimestamp(plan.layer_time, UTC).isoformat().replace("+00:00", "Z")
    base = target.base.configuration if target.base is not None else {}
    platform = target.platform
    configuration: dict[str, Any] = {
        "architecture": platform.architecture,
        "os": platform.os,
        "created": created,
        "config": dict(target.config),
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in layers]},
        "history": [
            *_base_history(base),
            *(_history(plan.steps[place].text, created, results[place]) for place in steps),
        ],
    }
    if platform.variant:
        configuration["variant"] = platform.variant
    if target.author:
        configuration["author"] = target.author
    config, config_bytes = _document(configuration, media_types.CONFIG)
    manifest, manifest_bytes = _document(
        {
            "schemaVersion": 2,
            "mediaType": media_types.MANIFEST,
            "config": descriptor_json(config),
            "layers": [descriptor_json(layer.descriptor) for layer in layers],
        },
        media_types.MANIFEST,
    )
    return assemble(manifest, manifest_bytes, config, config_bytes, "image")


def _lineage(plan: Plan) -> list[PlannedStage]:
    """Return the target and the stages that it starts from, the lowest first."""
    stages = [plan.target]
    while (below := stages[-1].base_stage) is not None:
        stages.append(plan.stages[below])
    return stages[::-1]


def _base_history(configuration: Mapping[str, Any]) -> list[Any]:
    history = configuration.get("history")
    return list(history) if isinstance(history, list) else []


def _history(text: str, created: str, result: StepResult) -> dict[str, Any]:
    entry: dict[str, Any] = {"created": created, "created_by": text}
    if result.layer is None:
        entry["empty_layer"] = True
    return entry


def _document(document: Mapping[str, Any], media_type: str) -> tuple[Descriptor, bytes]:
    data = canonical_json(document).encode()
    return Descriptor(Digest.of(data), len(data), media_type), data
