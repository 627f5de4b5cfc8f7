"""Who calls, for whom: the scope and the name that statistics are kept by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote

from google.protobuf.message import DecodeError

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from lamella.errors import Invalid
from lamella.wire.fields import BUILDER_KEY, parse_scope

if TYPE_CHECKING:
    import grpc.aio

    from lamella.model import Scope

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

REQUEST_METADATA_KEY: Final = "build.bazel.remote.execution.v2.requestmetadata-bin"

MAX_BUILDER: Final = 128
"""The longest name of a builder, in bytes of UTF-8."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The scope of a call and the builder that makes it."""

    scope: Scope
    builder: str


def caller(context: Context, scope: str, *, field: str = "instance_name", builder: str = "") -> Caller:
    """Tell who calls.

    The builder is the request's own field, else the metadata ``lamella-builder``, else the tool that REAPI's
    RequestMetadata names, else the address of the peer.

    Raises:
        Invalid: the scope or the builder's name is not valid.
    """
    return Caller(parse_scope(scope, field), _builder(context, builder))


def _builder(context: Context, requested: str) -> str:
    if requested:
        return _checked(requested, "builder")
    metadata = dict(context.invocation_metadata() or ())
    if named := metadata.get(BUILDER_KEY):
        return _checked(str(named), BUILDER_KEY)
    encoded = metadata.get(REQUEST_METADATA_KEY)
    if isinstance(encoded, bytes) and (tool := _tool_name(encoded)):
        return _checked(tool, REQUEST_METADATA_KEY)
    return _host(context.peer())


def _checked(name: str, field: str) -> str:
    if len(name.encode()) > MAX_BUILDER or not name.isprintable():
        raise Invalid(field, f"{name[:MAX_BUILDER]!r} is not a builder's name (at most {MAX_BUILDER} bytes)")
    return name


def _tool_name(encoded: bytes) -> str:
    try:
        return reapi.RequestMetadata.FromString(encoded).tool_details.tool_name
    except DecodeError:
        raise Invalid(REQUEST_METADATA_KEY, "is not an encoded RequestMetadata") from None


def _host(peer: str) -> str:
    """Return the host of ``ipv4:127.0.0.1:80`` or ``ipv6:%5B::1%5D:80``; other transports as they are."""
    transport, _, address = unquote(peer).partition(":")
    return address.rpartition(":")[0].strip("[]") if transport in {"ipv4", "ipv6"} else transport
