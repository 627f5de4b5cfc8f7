from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lamella.builder.request import BuildRequest, plan_build
from lamella.model import Platform
from lamella.steps.work import Selection

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["key\u0085.pem", "key\u2028.pem", "key\f.pem", "key\v.pem"])
def test_a_line_of_the_ignore_file_ends_where_docker_ends_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".dockerignore").write_bytes(f"Dockerfile\r\n{name}\r\n.dockerignore".encode())
    (tmp_path / name).touch()
    planned = plan_build(BuildRequest(tmp_path, Platform("linux", "amd64")))
    assert [entry.path for entry in planned.context.entries(Selection("."))] == [""]
