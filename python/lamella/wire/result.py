"""Step results and layers as messages."""

from __future__ import annotations

from lamella._proto.lamella.v1 import step_cache_pb2 as pb
from lamella.errors import Invalid
from lamella.model import Descriptor, Layer, StepResult
from lamella.wire.fields import (
    duration_from_message,
    duration_to_message,
    parse_digest,
    timestamp_from_message,
    timestamp_to_message,
)


def result_to_message(result: StepResult) -> pb.StepResult:
    """Convert a step result."""
    return pb.StepResult(
        layer=None if result.layer is None else _layer_to_message(result.layer),
        config_change=result.config_change,
        duration=duration_to_message(result.seconds),
        builder=result.builder,
        created=timestamp_to_message(result.created),
    )


def result_from_message(message: pb.StepResult, field: str) -> StepResult:
    """Convert a step result; ``field`` is the message's path, for errors.

    Raises:
        Invalid: a digest, a size, the duration or the time is not valid; the config change is for ``commit`` to check.
    """
    return StepResult(
        layer=_layer_from_message(message.layer, f"{field}.layer") if message.HasField("layer") else None,
        config_change=message.config_change or "{}",
        seconds=duration_from_message(message.duration, f"{field}.duration"),
        builder=message.builder,
        created=timestamp_from_message(message.created, f"{field}.created"),
    )


def _layer_to_message(layer: Layer) -> pb.Layer:
    descriptor = layer.descriptor
    return pb.Layer(
        media_type=descriptor.media_type,
        digest=str(descriptor.digest),
        size_bytes=descriptor.size,
        diff_id=str(layer.diff_id),
    )


def _layer_from_message(message: pb.Layer, field: str) -> Layer:
    if message.size_bytes < 0:
        raise Invalid(f"{field}.size_bytes", f"{message.size_bytes} is negative")
    if not message.media_type:
        raise Invalid(f"{field}.media_type", "is missing")
    digest = parse_digest(message.digest, f"{field}.digest")
    return Layer(
        Descriptor(digest, message.size_bytes, message.media_type),
        parse_digest(message.diff_id, f"{field}.diff_id"),
    )
