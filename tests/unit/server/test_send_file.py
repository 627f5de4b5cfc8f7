import errno
import os
import socket
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from lamella.server.http.send_file import send_file


@pytest.mark.parametrize("gone", [True, False])
async def test_a_file_that_cannot_be_sent_is_closed(
    gone: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"bytes")
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)

    def no_descriptor_is_left(_: int) -> int:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(os, "dup", no_descriptor_is_left)
    with socket.socket() as connection:
        request: Any = Mock()
        request.transport.get_extra_info.return_value = connection
        if gone:
            request.transport = None
        with pytest.raises(ConnectionResetError if gone else OSError):
            await anext(send_file(request, descriptor, range(5)))
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
