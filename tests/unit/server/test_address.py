"""Addresses that cannot be listened on: what is said of them, whichever door wants them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from lamella.errors import CannotServe
from lamella.server import process
from lamella.server.address import listening_socket, reserve_port
from lamella.server.config import ServerConfig
from lamella.server.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOPBACK = "127.0.0.1"
TAKEN = "cannot serve at {}: Address already in use; choose another one with --listen or --http-listen"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("take", [listening_socket, reserve_port])
def test_a_port_that_is_taken_is_named_with_what_to_do(take: Callable[[str, int], socket.socket], taken: int) -> None:
    with pytest.raises(CannotServe) as raised:
        take(LOOPBACK, taken)
    assert str(raised.value) == TAKEN.format(f"{LOOPBACK}:{taken}")


@pytest.mark.parametrize("take", [listening_socket, reserve_port])
def test_a_host_that_has_no_address_is_named(take: Callable[[str, int], socket.socket]) -> None:
    with pytest.raises(CannotServe, match=r"cannot serve at nowhere\.invalid:1: [A-Z].*; choose another one"):
        take("nowhere.invalid", 1)


def test_connections_of_an_earlier_server_are_in_nobodys_way() -> None:
    """They last a minute after it has ended: who restarts a server does not wait for that."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)) as client:
            server.accept()[0].close()
            assert client.recv(1) == b""
    reserve_port(LOOPBACK, port).close()


async def test_a_server_alone_says_the_same_of_its_port_for_grpc(taken: int, tmp_path: Path) -> None:
    config = ServerConfig(tmp_path, LOOPBACK, taken, http_host=LOOPBACK, http_port=0)
    with pytest.raises(CannotServe) as raised:
        await process.run(config, lambda _: pytest.fail("it serves"), Stop())
    assert str(raised.value) == TAKEN.format(f"{LOOPBACK}:{taken}")
