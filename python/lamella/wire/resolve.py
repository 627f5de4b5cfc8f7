"""What ``Resolve`` asks and answers, as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._proto.lamella.v1 import step_cache_pb2 as pb
from lamella.model import SCRATCH
from lamella.steps.resolve import Answer, Node, Status
from lamella.wire.fields import parse_digest
from lamella.wire.result import result_from_message, result_to_message
from lamella.wire.step import step_from_message, step_to_message

if TYPE_CHECKING:
    from lamella.model import Digest

_STATUSES = {
    pb.ResolveResponse.HIT: Status.HIT,
    pb.ResolveResponse.MISS: Status.MISS,
    pb.ResolveResponse.UNKNOWN: Status.UNKNOWN,
}
_STATUS_NUMBERS = {status: number for number, status in _STATUSES.items()}


def chain_to_message(chain: Digest) -> str:
    """Return a chain ID as text, empty for that of no layers."""
    return "" if chain == SCRATCH else str(chain)


def chain_from_message(text: str, field: str) -> Digest:
    """Read a chain ID; raises ``Invalid`` for a text that is neither a digest nor empty."""
    return parse_digest(text, field) if text else SCRATCH


def node_to_message(node: Node) -> pb.ResolveRequest.Node:
    """Convert a step to be looked up."""
    message = pb.ResolveRequest.Node(step=step_to_message(node.step), inputs_pending=node.inputs_pending)
    if node.after is None:
        message.chain_id = chain_to_message(node.step.parent)
    else:
        message.index = node.after
    return message


def node_from_message(message: pb.ResolveRequest.Node, field: str) -> Node:
    """Convert a step to be looked up; ``field`` is the message's path, for errors.

    Raises:
        Invalid: the step or the chain ID is not valid.
    """
    parent = chain_from_message(message.chain_id, f"{field}.chain_id")
    return Node(
        step=step_from_message(message.step, parent, f"{field}.step"),
        after=message.index if message.WhichOneof("parent") == "index" else None,
        inputs_pending=message.inputs_pending,
    )


def answer_to_message(answer: Answer) -> pb.ResolveResponse.Answer:
    """Convert what was found."""
    return pb.ResolveResponse.Answer(
        status=_STATUS_NUMBERS[answer.status],
        key="" if answer.key is None else str(answer.key),
        result=None if answer.result is None else result_to_message(answer.result),
        chain_id="" if answer.chain_id is None else str(answer.chain_id),
    )


def answer_from_message(message: pb.ResolveResponse.Answer, field: str) -> Answer:
    """Convert what was found; a status of a later version counts as unknown.

    Raises:
        Invalid: the key, the chain ID or the result is not valid.
    """
    status = _STATUSES.get(message.status, Status.UNKNOWN)
    if status is Status.UNKNOWN:
        return Answer(status)
    key = parse_digest(message.key, f"{field}.key")
    if status is Status.MISS:
        return Answer(status, key)
    result = result_from_message(message.result, f"{field}.result")
    return Answer(status, key, result, chain_from_message(message.chain_id, f"{field}.chain_id"))
