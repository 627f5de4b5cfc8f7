import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from lamella._proto.google.bytestream import bytestream_pb2 as pb
from lamella.errors import Invalid
from lamella.server.grpc.envelope import decode_write_request, encode_read_response

int64s = st.integers(-(2**63), 2**63 - 1)


@given(st.binary(max_size=300))
def test_a_read_response_is_what_protobuf_would_write(data: bytes) -> None:
    assert pb.ReadResponse.FromString(encode_read_response(memoryview(data))).data == data


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384, 1 << 20])
def test_the_length_of_a_payload_takes_as_many_bytes_as_it_needs(size: int) -> None:
    assert encode_read_response(bytes(size)) == (pb.ReadResponse(data=bytes(size)).SerializeToString() or b"\x52\x00")


@given(st.text(st.characters(codec="utf-8")), int64s, st.booleans(), st.binary(max_size=300))
def test_a_write_request_is_read_as_protobuf_reads_it(name: str, offset: int, finish: bool, data: bytes) -> None:
    message = pb.WriteRequest(resource_name=name, write_offset=offset, finish_write=finish, data=data)
    chunk = decode_write_request(message.SerializeToString())
    assert (chunk.resource_name, chunk.write_offset, chunk.finish_write, bytes(chunk.data)) == (
        name,
        offset,
        finish,
        data,
    )


@given(st.binary(max_size=60))
def test_no_bytes_are_read_otherwise_than_protobuf_reads_them(message: bytes) -> None:
    try:
        chunk = decode_write_request(message)
    except Invalid:
        return
    try:
        expected = pb.WriteRequest.FromString(message)
    except DecodeError:  # the server is more lenient with field numbers and text
        return
    assert (chunk.resource_name, chunk.write_offset, chunk.finish_write, bytes(chunk.data)) == (
        expected.resource_name,
        expected.write_offset,
        expected.finish_write,
        expected.data,
    )


def test_unknown_fields_are_skipped() -> None:
    unknown = b"\x78\x01" + b"\x7a\x02ab" + b"\x7d\x00\x00\x00\x00" + b"\x79" + bytes(8)
    known = pb.WriteRequest(resource_name="name", data=b"data").SerializeToString()
    chunk = decode_write_request(unknown + known + unknown)
    assert (chunk.resource_name, bytes(chunk.data)) == ("name", b"data")


@pytest.mark.parametrize(
    "message",
    [
        b"\x52",
        b"\x52\x05abcd",
        b"\x0a\x01\xff",
        b"\x10",
        b"\x10" + b"\xff" * 11,
        b"\x0b",
        b"\x7d\x00",
        b"\x52" + b"\xff" * 9 + b"\x01",
    ],
)
def test_bytes_that_are_no_message_are_refused(message: bytes) -> None:
    with pytest.raises(Invalid, match="WriteRequest"):
        decode_write_request(message)
