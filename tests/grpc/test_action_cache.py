import os
from collections.abc import Callable

import grpc
import pytest
from google.rpc.error_details_pb2 import PreconditionFailure

from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as pb
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import ActionCacheStub
from lamella.index import INLINE_MAX
from lamella.model import Digest
from lamella.server.grpc.limits import MAX_ACTION_RESULT
from lamella.server.grpc.status import MAX_VIOLATIONS
from tests.grpc.calls import details_of, digest_of, refused, upload
from tests.grpc.conftest import Server

ACTION = digest_of(b"action")
FILE = b"an output file"


async def put(channel: grpc.aio.Channel, result: pb.ActionResult, instance: str = "") -> pb.ActionResult:
    request = pb.UpdateActionResultRequest(instance_name=instance, action_digest=ACTION, action_result=result)
    answer: pb.ActionResult = await ActionCacheStub(channel).UpdateActionResult(request)
    return answer


async def get(channel: grpc.aio.Channel, instance: str = "") -> pb.ActionResult:
    request = pb.GetActionResultRequest(instance_name=instance, action_digest=ACTION)
    answer: pb.ActionResult = await ActionCacheStub(channel).GetActionResult(request)
    return answer


def with_file() -> pb.ActionResult:
    return pb.ActionResult(output_files=[pb.OutputFile(path="out", digest=digest_of(FILE))])


def with_tree() -> pb.ActionResult:
    return pb.ActionResult(output_directories=[pb.OutputDirectory(path="out", tree_digest=digest_of(TREE))])


def with_root() -> pb.ActionResult:
    directory = pb.OutputDirectory(path="out", root_directory_digest=digest_of(ROOT))
    return pb.ActionResult(output_directories=[directory])


DIRECTORY = pb.Directory(files=[pb.FileNode(name="out", digest=digest_of(FILE))])
CHILD = DIRECTORY.SerializeToString()
ROOT = pb.Directory(directories=[pb.DirectoryNode(name="below", digest=digest_of(CHILD))]).SerializeToString()
TREE = pb.Tree(children=[DIRECTORY]).SerializeToString()
STREAMS = pb.ActionResult(stdout_digest=digest_of(b"out"), stderr_digest=digest_of(b"err"))

RESULTS: list[tuple[pb.ActionResult, list[bytes]]] = [
    (with_file(), [FILE]),
    (STREAMS, [b"out", b"err"]),
    (with_tree(), [TREE, FILE]),
    (with_root(), [ROOT, CHILD, FILE]),
]


async def test_a_result_comes_back_as_it_was(channel: grpc.aio.Channel) -> None:
    await upload(channel, FILE)
    result = with_file()
    result.exit_code = 3
    result.stdout_raw = b"hello"
    result.execution_metadata.worker = "worker-1"
    assert await put(channel, result) == result
    assert await get(channel) == result


async def test_a_later_result_replaces_an_earlier_one(channel: grpc.aio.Channel) -> None:
    await put(channel, pb.ActionResult(exit_code=1))
    await put(channel, pb.ActionResult(exit_code=2))
    assert (await get(channel)).exit_code == 2


@pytest.mark.parametrize(("result", "blobs"), RESULTS)
async def test_a_result_is_kept_only_with_all_of_its_blobs(
    channel: grpc.aio.Channel, result: pb.ActionResult, blobs: list[bytes]
) -> None:
    for data in blobs:
        with refused(grpc.StatusCode.FAILED_PRECONDITION, "not in the store") as caught:
            await put(channel, result)
        assert len(details_of(caught.value).details) == 1
        await upload(channel, data)
    await put(channel, result)
    assert await get(channel) == result


@pytest.mark.parametrize(("result", "blobs"), RESULTS)
async def test_a_result_that_lost_a_blob_is_not_found(
    channel: grpc.aio.Channel, server: Server, result: pb.ActionResult, blobs: list[bytes]
) -> None:
    for data in blobs:
        await upload(channel, data)
    await put(channel, result)
    for data in blobs:
        await server.store.delete(Digest.of(data))
        with refused(grpc.StatusCode.NOT_FOUND, ACTION.hash):
            await get(channel)
        await upload(channel, data)
        assert await get(channel) == result


@pytest.mark.parametrize("form", ["tree", "root directory"])
async def test_a_result_with_a_damaged_directory_is_not_found(
    channel: grpc.aio.Channel, server: Server, form: str
) -> None:
    large = pb.Directory(symlinks=[pb.SymlinkNode(name="link", target="x" * 2 * INLINE_MAX)])
    data = (pb.Tree(root=large) if form == "tree" else large).SerializeToString()
    output = pb.OutputDirectory(path="out")
    (output.tree_digest if form == "tree" else output.root_directory_digest).CopyFrom(digest_of(data))
    await upload(channel, data)
    await put(channel, pb.ActionResult(output_directories=[output]))
    [path] = (server.store.index.path.parent / "blobs").rglob(Digest.of(data).hex)
    path.chmod(0o600)
    os.truncate(path, 100)
    with refused(grpc.StatusCode.NOT_FOUND, ACTION.hash):
        await get(channel)


async def test_an_action_without_a_result_is_not_found(channel: grpc.aio.Channel) -> None:
    with refused(grpc.StatusCode.NOT_FOUND, ACTION.hash):
        await get(channel)


async def test_a_scope_reads_its_own_results_and_those_of_main(channel: grpc.aio.Channel) -> None:
    await put(channel, pb.ActionResult(exit_code=1), "team/app")
    await put(channel, pb.ActionResult(exit_code=2), "team/app@pull/1")
    assert (await get(channel, "team/app@main")).exit_code == 1
    assert (await get(channel, "team/app@pull/1")).exit_code == 2
    assert (await get(channel, "team/app@pull/2")).exit_code == 1
    with refused(grpc.StatusCode.NOT_FOUND):
        await get(channel, "team/other")


async def test_a_result_past_the_limit_is_refused(channel: grpc.aio.Channel) -> None:
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, str(MAX_ACTION_RESULT)):
        await put(channel, pb.ActionResult(stdout_raw=bytes(MAX_ACTION_RESULT)))


def _file(digest: pb.Digest) -> pb.ActionResult:
    return pb.ActionResult(output_files=[pb.OutputFile(path="out", digest=digest)])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda request: request.action_digest.Clear(), "action_digest.hash"),
        (lambda request: request.action_result.MergeFrom(_file(pb.Digest())), "output_files[0].digest.hash"),
        (lambda request: setattr(request, "instance_name", "no scope"), "instance_name"),
        (lambda request: setattr(request, "digest_function", pb.DigestFunction.MD5), "digest_function"),
    ],
)
async def test_a_malformed_request_is_refused(
    channel: grpc.aio.Channel, change: Callable[[pb.UpdateActionResultRequest], None], field: str
) -> None:
    request = pb.UpdateActionResultRequest(action_digest=ACTION)
    change(request)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, field):
        await ActionCacheStub(channel).UpdateActionResult(request)


async def test_many_missing_blobs_are_told_within_what_clients_take(channel: grpc.aio.Channel) -> None:
    """A status travels in headers; a client answers RESOURCE_EXHAUSTED by itself where they are too large for it."""
    files = [pb.OutputFile(path=str(number), digest=digest_of(b"%d" % number)) for number in range(1000)]
    with refused(grpc.StatusCode.FAILED_PRECONDITION, " more") as caught:
        await put(channel, pb.ActionResult(output_files=files))
    failure = PreconditionFailure()
    assert details_of(caught.value).details[0].Unpack(failure)
    hashes = sorted(file.digest.hash for file in files)
    assert [violation.subject for violation in failure.violations] == [
        f"blobs/{hash_}" for hash_ in hashes[:MAX_VIOLATIONS]
    ]
