from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella.errors import Invalid
from lamella.wire.blob import BlobName, blob_from_message, check_digest_function
from lamella.wire.resource import MAX_NAME, Resource, Upload, parse_resource, parse_upload
from tests.unit.wire.strategies import digests, sizes

HASH = "ab" * 32
UUID_TEXT = "12345678-1234-4234-9234-123456789abc"

blobs = st.builds(BlobName, digests, sizes)
resources = st.builds(Resource, blobs, st.sampled_from(["", "main", "team/app@feature/x", "a/b/c"]), st.booleans())


@given(resources)
def test_a_resource_survives_its_name(resource: Resource) -> None:
    assert parse_resource(str(resource)) == resource


@given(resources, st.uuids(), st.sampled_from(["", "/name", "/path/to/file.o"]))
def test_an_upload_survives_its_name(resource: Resource, uuid: UUID, metadata: str) -> None:
    upload = Upload(resource, str(uuid))
    assert parse_upload(str(upload) + metadata) == upload


@given(blobs)
def test_a_blob_survives_its_message(blob: BlobName) -> None:
    assert blob_from_message(blob.message, "digest") == blob


def test_the_case_of_a_uuid_does_not_matter() -> None:
    name = f"uploads/{UUID_TEXT.upper()}/blobs/{HASH}/1"
    assert parse_upload(name).uuid == UUID_TEXT


@pytest.mark.parametrize(
    "name",
    [
        "",
        "blobs",
        f"blobs/{HASH}",
        f"blobs/{HASH}/",
        f"blobs/{HASH}/-1",
        f"blobs/{HASH}/01",
        f"blobs/{HASH}/1x",
        f"blobs/{HASH}/{10**18}",
        f"blobs/{HASH}/1/more",
        f"blobs/{HASH.upper()}/1",
        f"blobs/{HASH[:-1]}/1",
        f"blobs/blake3/{HASH}/1",
        f"compressed-blobs/{HASH}/1",
        f"compressed-blobs/deflate/{HASH}/1",
        f"{'x' * MAX_NAME}/blobs/{HASH}/1",
    ],
)
def test_a_malformed_resource_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="resource_name"):
        parse_resource(name)


@pytest.mark.parametrize(
    "name",
    [
        f"blobs/{HASH}/1",
        "uploads",
        f"uploads/{UUID_TEXT}",
        f"uploads/{UUID_TEXT}/{HASH}/1",
        f"uploads/{UUID_TEXT}/blobs/{HASH}",
        f"uploads/../blobs/{HASH}/1",
        f"uploads/not-a-uuid/blobs/{HASH}/1",
        f"uploads/{UUID_TEXT}/compressed-blobs/brotli/{HASH}/1",
    ],
)
def test_a_malformed_upload_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="resource_name"):
        parse_upload(name)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (pb.Digest(), "digest.hash"),
        (pb.Digest(hash=HASH + "\n", size_bytes=1), "digest.hash"),
        (pb.Digest(hash=HASH, size_bytes=-1), "digest.size_bytes"),
    ],
)
def test_a_malformed_digest_is_refused_by_its_field(message: pb.Digest, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        blob_from_message(message, "digest")
    assert caught.value.field == field


def test_other_digest_functions_are_refused() -> None:
    check_digest_function(pb.DigestFunction.UNKNOWN)
    check_digest_function(pb.DigestFunction.SHA256)
    with pytest.raises(Invalid, match="SHA256"):
        check_digest_function(pb.DigestFunction.BLAKE3)
