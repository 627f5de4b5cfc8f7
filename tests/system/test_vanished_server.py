"""A server whose machine is switched off: nobody closes its connections."""

import os
import signal
from pathlib import Path

import pytest

from lamella.client import AsyncClient, Blob, ServerUnreachable, connection
from tests.grpc.process import serving


async def test_a_download_from_a_server_that_vanished_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "KEEPALIVE_SECONDS", 1.0)
    monkeypatch.setattr(connection, "RETRIES", 0)
    blob = Blob.of_bytes(bytes(range(256)) * 100_000)
    with serving(tmp_path / "data") as server:
        async with AsyncClient(server.address) as client:
            await client.upload([blob])
            os.kill(server.pid, signal.SIGSTOP)
            try:
                with pytest.raises(ServerUnreachable):
                    await client.download(blob.digest, blob.size, tmp_path / "file")
            finally:
                os.kill(server.pid, signal.SIGCONT)
    assert not (tmp_path / "file").exists()
