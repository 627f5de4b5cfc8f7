"""The one table that says which HTTP status and error code a domain error is (specification: "Error Codes")."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from lamella import errors
from lamella.registry import errors as registry_errors
from lamella.server.http import errors as http_errors
from lamella.server.http.answers import json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from lamella.errors import LamellaError

_STATUS: Final[dict[type[LamellaError], tuple[HTTPStatus, str]]] = {
    registry_errors.NameInvalid: (HTTPStatus.BAD_REQUEST, "NAME_INVALID"),
    registry_errors.TagInvalid: (HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID"),
    registry_errors.DigestInvalid: (HTTPStatus.BAD_REQUEST, "DIGEST_INVALID"),
    registry_errors.RepositoryUnknown: (HTTPStatus.NOT_FOUND, "NAME_UNKNOWN"),
    registry_errors.ManifestUnknown: (HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN"),
    registry_errors.ManifestInvalid: (HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID"),
    registry_errors.ManifestBlobsUnknown: (HTTPStatus.NOT_FOUND, "MANIFEST_BLOB_UNKNOWN"),
    registry_errors.UploadUnknown: (HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
    registry_errors.ChunkRefused: (HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID"),
    registry_errors.LengthMismatch: (HTTPStatus.BAD_REQUEST, "SIZE_INVALID"),
    registry_errors.BlobUnknown: (HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN"),
    errors.NotFound: (HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN"),
    errors.Corrupted: (HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN"),
    errors.DigestMismatch: (HTTPStatus.BAD_REQUEST, "DIGEST_INVALID"),
    errors.SizeMismatch: (HTTPStatus.BAD_REQUEST, "SIZE_INVALID"),
    errors.LimitExceeded: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "SIZE_INVALID"),
    errors.Invalid: (HTTPStatus.BAD_REQUEST, "UNSUPPORTED"),
    errors.UploadBusy: (HTTPStatus.TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
    errors.ReadOnly: (HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    errors.StorageFull: (HTTPStatus.INSUFFICIENT_STORAGE, "UNAVAILABLE"),
    http_errors.PathUnknown: (HTTPStatus.NOT_FOUND, "UNSUPPORTED"),
    http_errors.MethodNotAllowed: (HTTPStatus.METHOD_NOT_ALLOWED, "UNSUPPORTED"),
    http_errors.BodyTimeout: (HTTPStatus.REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID"),
    http_errors.RangeNotSatisfiable: (HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "SIZE_INVALID"),
}
_INTERNAL: Final = (HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN")


def error_response(error: LamellaError, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return what a client is told of an error: the specification's JSON body, and the status that goes with it."""
    status, code = _STATUS.get(type(error), _INTERNAL)
    return error_body(status, [(code, str(error), _detail(error)), *_further(error, code)], headers)


def error_body(
    status: HTTPStatus, found: list[tuple[str, str, Mapping[str, Any]]], headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an answer that lists errors by their code, message and detail."""
    listed = [{"code": code, "message": message, "detail": detail} for code, message, detail in found]
    return json_answer({"errors": listed}, status=status, headers=headers)


def _detail(error: LamellaError) -> Mapping[str, Any]:
    match error:
        case registry_errors.ManifestBlobsUnknown():
            return {"digest": str(error.digests[0])}
        case registry_errors.BlobUnknown():
            return {"digest": str(error.name)}
        case errors.NotFound() | errors.SizeMismatch():
            return {"digest": str(error.digest)}
        case errors.DigestMismatch():
            return {"digest": str(error.expected), "actual": str(error.actual)}
        case errors.LimitExceeded():
            return {"limit": error.limit, "most": error.most}
        case _:
            return {}


def _further(error: LamellaError, code: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return the errors that follow the first, where each of several blobs gets its own."""
    if not isinstance(error, registry_errors.ManifestBlobsUnknown):
        return []
    return [(code, f"not known: {digest}", {"digest": str(digest)}) for digest in error.digests[1:]]
