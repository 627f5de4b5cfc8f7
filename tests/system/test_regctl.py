"""regctl of regclient, unmodified: referrers, copies, tags that are deleted alone, and SHA-512."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.http.process import RegistryProcess, serving
from tests.system.containers import run
from tests.system.go_tools import go_tool, require_built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

REGCTL = go_tool("regctl")
APP = "application/vnd.example.app"
SBOM = "application/vnd.example.sbom"
SIGNATURE = "application/vnd.example.signature"


class Regctl:
    """The program, and a registry that it reaches without TLS."""

    def __init__(self, server: RegistryProcess, folder: Path) -> None:
        self.registry = server.http
        self.folder = folder
        # None of the machine's.
        self._settings = {"HOME": str(folder), "REGCTL_CONFIG": str(folder / "regctl.json")}
        self("registry", "set", "--tls", "disabled", self.registry)

    def __call__(self, *arguments: object) -> str:
        return run(REGCTL, *arguments, **self._settings)

    def output(self, *arguments: object, content: bytes = b"") -> bytes:
        """Give the program an input, and return its output."""
        command = [str(REGCTL), *map(str, arguments)]
        return subprocess.run(command, env=self._settings, input=content, capture_output=True, check=True).stdout

    def refuses(self, *arguments: object) -> bool:
        command = [str(REGCTL), *map(str, arguments)]
        return subprocess.run(command, env=self._settings, capture_output=True, check=False).returncode != 0

    def put(self, artifact_type: str, content: bytes, *where: str) -> None:
        """Push an artifact of one file."""
        path = self.folder / "artifact"
        path.write_bytes(content)
        self("artifact", "put", "--artifact-type", artifact_type, "--file", path, *where)

    def referrers(self, reference: str, *options: str) -> list[str]:
        """Return the types of a manifest's referrers, sorted."""
        found = json.loads(self("artifact", "list", *options, "--format", "{{json .}}", reference))
        return sorted(item["artifactType"] for item in found["descriptors"] or [])


@pytest.fixture
def regctl(tmp_path: Path) -> Iterator[Regctl]:
    require_built(REGCTL)
    with serving(tmp_path / "data", workers=2) as server:
        yield Regctl(server, tmp_path)


@pytest.fixture
def app(regctl: Regctl) -> str:
    """Push an artifact and return its name."""
    reference = f"{regctl.registry}/team/app:v1"
    regctl.put(APP, b"an application\n", reference)
    return reference


def test_artifacts_with_a_subject(regctl: Regctl, app: str) -> None:
    for kind in (SBOM, SIGNATURE):
        regctl.put(kind, kind.encode(), "--subject", app)
    assert regctl.referrers(app) == [SBOM, SIGNATURE]
    assert regctl.referrers(app, "--filter-artifact-type", SBOM) == [SBOM]
    assert regctl("artifact", "get", "--subject", app, "--filter-artifact-type", SBOM) == SBOM
    copy = f"{regctl.registry}/copies/app:v2"
    regctl("image", "copy", "--referrers", app, copy)
    assert regctl.referrers(copy) == [SBOM, SIGNATURE]
    # The API answered, so no list was kept under a tag.
    assert regctl("tag", "ls", f"{regctl.registry}/copies/app").split() == ["v2"]
    assert regctl("repo", "ls", regctl.registry).split() == ["copies/app", "team/app"]


def test_a_tag_is_deleted_alone(regctl: Regctl, app: str) -> None:
    digest = regctl("image", "digest", app).strip()
    regctl("image", "copy", app, f"{regctl.registry}/team/app:v2")
    regctl("tag", "delete", f"{regctl.registry}/team/app:v2")
    assert regctl("tag", "ls", f"{regctl.registry}/team/app").split() == ["v1"]
    assert regctl("image", "digest", f"{regctl.registry}/team/app@{digest}").strip() == digest


def test_blobs_in_chunks(regctl: Regctl, app: str) -> None:
    """Pushing a blob in chunks: a chunk size is set, so that it takes many requests."""
    regctl("registry", "set", "--tls", "disabled", "--blob-chunk", "65536", "--blob-max", "65536", regctl.registry)
    content = bytes(range(256)) * 4096
    content = bytes(range(256)) * 4096
    repository = app.removesuffix(":v1")
    digest = regctl.output("blob", "put", repository, content=content).decode().strip()
    assert digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert regctl.output("blob", "get", repository, digest) == content
    regctl("blob", "delete", repository, digest)
    assert regctl.refuses("blob", "head", repository, digest)


def test_an_image_by_sha512(regctl: Regctl, app: str) -> None:
    """Pulling manifests, Pushing Manifests, Deleting Manifests: all that is changed has another name then."""
    source = regctl.folder / "layout"
    regctl("image", "copy", app, f"ocidir://{source}:v1")
    regctl("image", "mod", "--digest-algo", "sha512", f"ocidir://{source}:v1", "--create", f"ocidir://{source}:v512")
    digest = regctl("image", "digest", f"ocidir://{source}:v512").strip()
    assert digest.startswith("sha512:")
    named = f"{regctl.registry}/other/app@{digest}"
    regctl("image", "copy", f"ocidir://{source}:v512", named)
    body = regctl("manifest", "get", "--format", "raw-body", named)
    assert f"sha512:{hashlib.sha512(body.encode()).hexdigest()}" == digest
    assert [layer["digest"].partition(":")[0] for layer in json.loads(body)["layers"]] == ["sha512"]
    regctl("image", "copy", named, f"ocidir://{regctl.folder / 'back'}@{digest}")
    regctl("manifest", "delete", named)
    assert regctl.refuses("manifest", "head", named)
