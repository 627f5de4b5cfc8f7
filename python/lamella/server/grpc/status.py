"""The one table that says which gRPC status a domain error is (google.rpc.Code), and what goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest, PreconditionFailure
from google.rpc.status_pb2 import Status

from lamella import errors

if TYPE_CHECKING:
    from google.protobuf.message import Message

DETAILS_KEY: Final = "grpc-status-details-bin"
"""The trailing metadata that holds an encoded ``google.rpc.Status``."""

_CODES: Final[dict[type[errors.LamellaError], grpc.StatusCode]] = {
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.NoResult: grpc.StatusCode.NOT_FOUND,
    errors.MissingChunks: grpc.StatusCode.NOT_FOUND,
    errors.NoChunks: grpc.StatusCode.NOT_FOUND,
    errors.MissingBlobs: grpc.StatusCode.FAILED_PRECONDITION,
    errors.DigestMismatch: grpc.StatusCode.INVALID_ARGUMENT,
    errors.SizeMismatch: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    errors.OutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    errors.LimitExceeded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.StorageFull: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Leased: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ReadOnly: grpc.StatusCode.FAILED_PRECONDITION,
    errors.UploadBusy: grpc.StatusCode.ABORTED,
    errors.UploadStalled: grpc.StatusCode.ABORTED,
    errors.Corrupted: grpc.StatusCode.DATA_LOSS,
}


MAX_TEXT: Final = 1500
"""The most bytes of UTF-8 of an error's text.

Message and details travel in headers, the text up to three times, once of them percent-encoded. Clients take 8 KiB of
headers (gRPC's ``max_metadata_size``), and answer RESOURCE_EXHAUSTED themselves where there is more.
"""

MAX_VIOLATIONS: Final = 50
"""The most missing blobs that an error's details name, for the same reason."""


def code_of(error: errors.LamellaError) -> grpc.StatusCode:
    """Return the status code of a domain error; INTERNAL for one that no request should meet."""
    return _CODES.get(type(error), grpc.StatusCode.INTERNAL)


def text_of(error: errors.LamellaError) -> str:
    """Return what a domain error says, cut where it is too long for a status."""
    return _cut(str(error))


def to_status(error: errors.LamellaError) -> Status:
    """Return a domain error as a status message with the details that tell a program what to do."""
    status = Status(code=code_of(error).value[0], message=text_of(error))
    detail = _detail(error)
    if detail is not None:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _detail(error: errors.LamellaError) -> Message | None:
    match error:
        case errors.Invalid():
            return BadRequest(field_violations=[{"field": _cut(error.field), "description": _cut(error.reason)}])
        case errors.MissingBlobs():
            # REAPI v2, Execute: a violation of type MISSING for each blob.
            subjects = [f"blobs/{digest.hex}" for digest in sorted(error.digests)[:MAX_VIOLATIONS]]
            return PreconditionFailure(violations=[{"type": "MISSING", "subject": subject} for subject in subjects])
        case _:
            return None


def _cut(text: str) -> str:
    encoded = text.encode(errors="replace")
    return text if len(encoded) <= MAX_TEXT else encoded[:MAX_TEXT].decode(errors="ignore") + "..."
