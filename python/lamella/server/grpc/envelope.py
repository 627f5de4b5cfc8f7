"""ByteStream's two large messages, written and read by hand so that a payload is copied once at most.

protobuf would copy a payload into the message object and again into its encoding. Encoding: protobuf.dev, "Encoding";
fields: ``protos/google/bytestream/bytestream.proto``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lamella.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}
_READ_DATA: Final = bytes([10 << 3 | _BYTES])


@dataclass(frozen=True, slots=True)
class WriteChunk:
    """A ``WriteRequest``; ``data`` is a view into the message."""

    resource_name: str
    write_offset: int
    finish_write: bool
    data: memoryview


def encode_read_response(data: Buffer) -> bytes:
    """Return the encoding of ``ReadResponse(data=data)``."""
    return b"".join((_READ_DATA, _varint(memoryview(data).nbytes), data))


def decode_write_request(message: bytes) -> WriteChunk:
    """Read a ``WriteRequest``; fields that it does not know are skipped.

    Raises:
        Invalid: the bytes are no such message.
    """
    name, offset, finish, data = "", 0, False, memoryview(b"")
    try:
        for field, value in _fields(message):
            match field, value:
                case (1, memoryview()):
                    name = str(value, "utf-8")
                case (2, int()):
                    offset = value - (1 << 64) if value >> 63 else value
                case (3, int()):
                    finish = value != 0
                case (10, memoryview()):
                    data = value
    except (IndexError, ValueError) as error:
        raise Invalid("WriteRequest", f"is malformed: {error}") from None
    return WriteChunk(name, offset, finish, data)


def _fields(message: bytes) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of every field; numbers of fixed size are left out."""
    view, at = memoryview(message), 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, at = _read_varint(message, at)
            yield number, value
            continue
        if wire_type == _BYTES:
            size, at = _read_varint(message, at)
        elif wire_type in _FIXED_SIZES:
            size = _FIXED_SIZES[wire_type]
        else:
            raise ValueError(f"wire type {wire_type}")
        if at + size > len(message):
            raise IndexError(f"field {number} ends past the message")
        if wire_type == _BYTES:
            yield number, view[at : at + size]
        at += size


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that starts at ``at``, cut to 64 bits, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
    raise ValueError("a number has more than ten bytes")
