"""One server for all tests of a module; those that must not see each other take scopes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lamella.cli.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("server") / "data") as address:
        yield address
