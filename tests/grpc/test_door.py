import asyncio
import logging

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from lamella import errors
from lamella._proto.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from lamella._proto.build.bazel.remote.execution.v2.remote_execution_pb2_grpc import CapabilitiesStub
from lamella._proto.google.bytestream import bytestream_pb2 as stream
from lamella._proto.google.bytestream.bytestream_pb2_grpc import ByteStreamStub
from lamella.model import EMPTY
from lamella.server import process
from lamella.server.grpc import door
from lamella.server.grpc.door import SERVICES, GrpcDoor
from lamella.server.grpc.limits import MAX_BATCH_SIZE, MAX_CALLS
from lamella.server.grpc.status import code_of
from lamella.wire.resource import MAX_NAME
from tests.grpc.calls import details_of, download, read_name, refused, upload
from tests.grpc.conftest import Server

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
LARGE = bytes(range(256)) * 200_000
"""More than a connection takes in without being read."""

CODES = {
    errors.NotFound(EMPTY): grpc.StatusCode.NOT_FOUND,
    errors.NoResult(EMPTY): grpc.StatusCode.NOT_FOUND,
    errors.MissingChunks(EMPTY, [EMPTY]): grpc.StatusCode.NOT_FOUND,
    errors.NoChunks(EMPTY, "reason"): grpc.StatusCode.NOT_FOUND,
    errors.MissingBlobs([EMPTY]): grpc.StatusCode.FAILED_PRECONDITION,
    errors.DigestMismatch(EMPTY, EMPTY): grpc.StatusCode.INVALID_ARGUMENT,
    errors.SizeMismatch(EMPTY, 1, 2): grpc.StatusCode.INVALID_ARGUMENT,
    errors.Invalid("field", "reason"): grpc.StatusCode.INVALID_ARGUMENT,
    errors.OutOfRange(EMPTY, 1, 0): grpc.StatusCode.OUT_OF_RANGE,
    errors.LimitExceeded("limit", 1, 2): grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.StorageFull("reason"): grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Leased(EMPTY): grpc.StatusCode.FAILED_PRECONDITION,
    errors.ReadOnly("reason"): grpc.StatusCode.FAILED_PRECONDITION,
    errors.UploadBusy("id"): grpc.StatusCode.ABORTED,
    errors.UploadStalled(1): grpc.StatusCode.ABORTED,
    errors.Corrupted(EMPTY, "reason"): grpc.StatusCode.DATA_LOSS,
}


async def health(channel: grpc.aio.Channel, service: str = "") -> int:
    return int((await HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))).status)


@pytest.mark.parametrize("error", CODES, ids=lambda error: type(error).__name__)
def test_an_error_has_its_code(error: errors.LamellaError) -> None:
    assert code_of(error) is CODES[error]


async def test_capabilities_tell_what_the_server_takes(channel: grpc.aio.Channel) -> None:
    answer = await CapabilitiesStub(channel).GetCapabilities(reapi.GetCapabilitiesRequest(instance_name="a/b"))
    cache = answer.cache_capabilities
    assert list(cache.digest_functions) == [reapi.DigestFunction.SHA256]
    assert cache.action_cache_update_capabilities.update_enabled
    assert cache.max_batch_total_size_bytes == MAX_BATCH_SIZE
    assert list(cache.supported_compressors) == [reapi.Compressor.ZSTD]
    assert not answer.HasField("execution_capabilities")
    assert cache.split_blob_support
    assert cache.splice_blob_support
    assert (cache.fast_cdc_2020_params.avg_chunk_size_bytes, cache.fast_cdc_2020_params.seed) == (65536, 0)
    assert (answer.high_api_version.major, answer.high_api_version.minor) >= (2, 12)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "instance_name") as caught:
        await CapabilitiesStub(channel).GetCapabilities(reapi.GetCapabilitiesRequest(instance_name="a"))
    status = details_of(caught.value)
    assert (status.code, status.message) == (caught.value.code().value[0], caught.value.details())


@pytest.mark.parametrize("character", ["a", "\x01", "\u00e4", "\U0001f600"])
async def test_an_error_that_repeats_a_long_text_keeps_its_code(channel: grpc.aio.Channel, character: str) -> None:
    request = stream.QueryWriteStatusRequest(resource_name=character * MAX_NAME)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "resource_name") as caught:
        await ByteStreamStub(channel).QueryWriteStatus(request)
    violations = BadRequest()
    assert details_of(caught.value).details[0].Unpack(violations)
    assert violations.field_violations[0].field == "resource_name"


async def test_an_unexpected_error_is_logged_and_not_told(
    channel: grpc.aio.Channel, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(server.domain.uploads, "size", broken)
    request = stream.QueryWriteStatusRequest(
        resource_name=f"uploads/{'0' * 8}-0000-0000-0000-{'0' * 12}/blobs/{'a' * 64}/1"
    )
    with refused(grpc.StatusCode.INTERNAL) as caught:
        await ByteStreamStub(channel).QueryWriteStatus(request)
    assert "secret" not in str(caught.value)
    assert "ZeroDivisionError: a secret" in caplog.text


@pytest.mark.usefixtures("server")
async def test_grpc_logs_no_traceback_for_a_client_that_went_away(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("grpc._cython.cygrpc")
    logger.error("ExecuteBatchError raised in core by servicer method [%s]", "/a.Service/Method")
    logger.error("another message")
    assert [record.message for record in caplog.records] == ["another message"]


async def test_an_unknown_method_is_unimplemented(channel: grpc.aio.Channel) -> None:
    with refused(grpc.StatusCode.UNIMPLEMENTED):
        await channel.unary_unary("/build.bazel.remote.execution.v2.Execution/Execute", bytes, bytes)(b"")


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_every_service_has_a_health(channel: grpc.aio.Channel, server: Server, service: str) -> None:
    assert await health(channel, service) == SERVING
    await server.door.set_serving(False)
    assert await health(channel, service) == NOT_SERVING


async def test_a_store_that_turned_read_only_serves_reads_and_no_more_work(
    channel: grpc.aio.Channel, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upload(channel, b"before")
    watch = HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
    assert (await watch.read()).status == SERVING
    monkeypatch.setattr(process, "HEALTH_SECONDS", 0.01)
    reporting = asyncio.create_task(process.report_health(server.store, server.door))
    server.store.index.health.fail("of the test")
    assert (await watch.read()).status == NOT_SERVING
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "the store is read-only: of the test"):
        await upload(channel, b"after")
    assert await download(channel, read_name(b"before")) == b"before"
    reporting.cancel()


async def test_the_services_can_be_listed(channel: grpc.aio.Channel) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    [answer] = [answer async for answer in ServerReflectionStub(channel).ServerReflectionInfo(iter([request]))]
    names = {service.name for service in answer.list_services_response.service}
    assert names == {*SERVICES, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    assert {name.rpartition(".")[2] for name in SERVICES} == {
        "StepCache",
        "Delta",
        "Stats",
        "Blobs",
        "Capabilities",
        "ContentAddressableStorage",
        "ActionCache",
        "ByteStream",
    }


async def test_a_drain_lets_a_running_download_finish(server: Server) -> None:
    async with server.connect() as channel:
        await upload(channel, LARGE)
        responses = aiter(ByteStreamStub(channel).Read(stream.ReadRequest(resource_name=read_name(LARGE))))
        received = [(await anext(responses)).data]
        watch = HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        draining = asyncio.create_task(server.door.drain(60))
        assert (await watch.read()).status == NOT_SERVING
        with refused(grpc.StatusCode.UNAVAILABLE):
            async with server.connect() as other:
                await upload(other, b"late")
        received += [response.data async for response in responses]
        assert b"".join(received) == LARGE
        await draining


async def test_a_drain_cuts_off_what_outlasts_the_grace(server: Server) -> None:
    async with server.connect() as channel:
        await upload(channel, LARGE)
        responses = aiter(ByteStreamStub(channel).Read(stream.ReadRequest(resource_name=read_name(LARGE))))
        await anext(responses)
        await server.door.drain(0.1)
        with pytest.raises(grpc.aio.AioRpcError):
            async for _ in responses:
                pass


async def test_calls_past_the_limit_are_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MAX_CALLS", 1)
    second = GrpcDoor(server.domain)
    address = f"127.0.0.1:{await second.start('127.0.0.1:0')}"
    async with grpc.aio.insecure_channel(address) as channel:
        watch = HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        with refused(grpc.StatusCode.RESOURCE_EXHAUSTED):
            await upload(channel, b"one more")
        watch.cancel()
    await second.drain(0)


async def test_many_calls_at_once_are_answered_or_told_why_not(channel: grpc.aio.Channel) -> None:
    """Nobody cancelled them, and CANCELLED is what clients do not try again after."""

    async def ask() -> grpc.StatusCode:
        try:
            await CapabilitiesStub(channel).GetCapabilities(reapi.GetCapabilitiesRequest())
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    codes = await asyncio.gather(*(ask() for _ in range(2 * MAX_CALLS)))
    assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}


async def test_a_port_that_is_taken_is_an_error(server: Server) -> None:
    second = GrpcDoor(server.domain)
    with pytest.raises(errors.CannotServe, match=server.address):
        await second.start(server.address)
    await second.drain(0)
