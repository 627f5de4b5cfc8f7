"""oras, unmodified: artifacts that are attached to others, by the referrers API and by the tag of older registries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.http.process import RegistryProcess, serving
from tests.system.containers import run
from tests.system.go_tools import go_tool, require_built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

ORAS = go_tool("oras")
APP = "application/vnd.example.app"
SBOM = "application/vnd.example.sbom"
SIGNATURE = "application/vnd.example.signature"
BY_TAG = ("--distribution-spec", "v1.1-referrers-tag")


class Oras:
    """The program, and a registry that it reaches without TLS."""

    def __init__(self, server: RegistryProcess, folder: Path) -> None:
        self.registry = server.http
        self.folder = folder

    def __call__(self, *arguments: object) -> str:
        # No settings of the machine's.
        return run(ORAS, *arguments, HOME=str(self.folder), DOCKER_CONFIG=str(self.folder))

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def plain(self, command: str, *arguments: object) -> str:
        return self(*command.split(), "--plain-http", *arguments)

    def attach(self, reference: str, content: bytes, artifact_type: str, *options: str) -> str:
        """Attach a file, and return the digest of the artifact."""
        file = self.file("attached", content)
        output = self.plain(
            "attach",
            *options,
            "--disable-path-validation",
            "--artifact-type",
            artifact_type,
            "--annotation",
            f"type={artifact_type}",
            "--format",
            "json",
            reference,
            f"{file}:text/plain",
        )
        return str(json.loads(output)["digest"])

    def discover(self, reference: str, *options: str) -> dict[str, str]:
        """Return the types of what is attached, by digest."""
        found: dict[str, Any] = json.loads(self.plain("discover", *options, "--format", "json", reference))
        assert all(item["annotations"]["type"] == item["artifactType"] for item in found["referrers"])
        return {item["digest"]: item["artifactType"] for item in found["referrers"]}


@pytest.fixture
def oras(tmp_path: Path) -> Iterator[Oras]:
    require_built(ORAS)
    with serving(tmp_path / "data", workers=2) as server:
        yield Oras(server, tmp_path)


@pytest.fixture
def app(oras: Oras) -> str:
    """Push an artifact and return its name."""
    reference = f"{oras.registry}/team/app:v1"
    file = oras.file("app", b"an application\n")
    oras.plain("push", "--disable-path-validation", "--artifact-type", APP, reference, f"{file}:text/plain")
    return reference


def test_artifacts_are_attached_listed_and_copied(oras: Oras, app: str) -> None:
    sbom, signature = (oras.attach(app, kind.encode(), kind) for kind in (SBOM, SIGNATURE))
    assert oras.discover(app) == {sbom: SBOM, signature: SIGNATURE}
    assert oras.discover(app, "--artifact-type", SBOM) == {sbom: SBOM}
    nested = oras.attach(f"{oras.registry}/team/app@{sbom}", b"signed", SIGNATURE)
    copy = f"{oras.registry}/copies/app:v2"
    oras("cp", "--recursive", "--from-plain-http", "--to-plain-http", app, copy)
    assert oras.discover(copy, "--depth", "1") == {sbom: SBOM, signature: SIGNATURE}
    assert oras.discover(f"{oras.registry}/copies/app@{sbom}") == {nested: SIGNATURE}
    oras.plain(
        "pull", "--output", oras.folder / "pulled", "--allow-path-traversal", f"{oras.registry}/copies/app@{sbom}"
    )
    assert oras.plain("repo ls", oras.registry).split() == ["copies/app", "team/app"]
    oras.plain("manifest delete", "--force", f"{oras.registry}/copies/app@{sbom}")
    assert oras.discover(copy) == {signature: SIGNATURE}


def test_a_client_of_older_registries_keeps_its_own_list(oras: Oras, app: str) -> None:
    """Referrers Tag Schema: what it lists under the tag is listed by the API, too."""
    digest = oras.plain("resolve", app).strip()
    sbom = oras.attach(app, b"older", SBOM, *BY_TAG)
    signature = oras.attach(app, b"newer", SIGNATURE)
    assert oras.discover(app, *BY_TAG) == {sbom: SBOM}
    assert oras.discover(app) == {sbom: SBOM, signature: SIGNATURE}
    assert oras.plain("repo tags", f"{oras.registry}/team/app").split() == [digest.replace(":", "-"), "v1"]


def test_blobs_tags_and_manifests_one_by_one(oras: Oras, app: str) -> None:
    repository = app.removesuffix(":v1")
    file = oras.file("blob", bytes(range(256)) * 40_000)
    pushed = json.loads(oras.plain("blob push", "--descriptor", repository, file))
    assert pushed["size"] == file.stat().st_size
    blob = f"{repository}@{pushed['digest']}"
    oras.plain("blob fetch", "--output", oras.folder / "fetched", blob)
    assert (oras.folder / "fetched").read_bytes() == file.read_bytes()
    oras.plain("blob delete", "--force", blob)
    assert oras.plain("blob delete", "--force", blob).startswith("Missing")
    oras.plain("tag", app, "v2", "v3")
    assert oras.plain("repo tags", repository).split() == ["v1", "v2", "v3"]
    assert oras.plain("repo tags", "--last", "v1", repository).split() == ["v2", "v3"]
    oras.plain("manifest delete", "--force", f"{repository}@{oras.plain('resolve', app).strip()}")
    assert oras.plain("repo ls", oras.registry).split() == []
