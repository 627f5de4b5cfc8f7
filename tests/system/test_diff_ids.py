"""A layer that was pushed compressed is there uncompressed, too, for unmodified clients."""

from __future__ import annotations

import json
import shutil
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from lamella._core import hash_file
from tests.http.process import RegistryProcess, serving
from tests.system.containers import counters, require, run, trust_everything
from tests.system.test_skopeo_registry import manifest_of, skopeo_copy

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = "application/vnd.oci.image.layer.v1.tar"
SECONDS = 30


class Builder:
    """A machine with an image of one layer in its storage."""

    def __init__(self, folder: Path) -> None:
        context = folder / "context"
        context.mkdir(parents=True)
        shutil.copy("/bin/busybox", context / "busybox")
        (context / "Dockerfile").write_text("FROM scratch\nCOPY busybox /bin/busybox\n")
        self._storage = ("--root", folder / "root", "--runroot", folder / "run", "--storage-driver", "vfs")
        self._policy = ("--signature-policy", trust_everything(folder))
        run("buildah", *self._storage, "build", "--isolation", "chroot", *self._policy, "--tag", "app", context)

    def push(self, reference: str, *options: str) -> Any:
        """Push the image, and return its manifest there."""
        run("buildah", *self._storage, "push", "--tls-verify=false", *self._policy, *options, "app", reference)
        return manifest_of(reference)


def diff_id_of(server: RegistryProcess, manifest: Any) -> str:
    with urlopen(f"http://{server.http}/v2/one/blobs/{manifest['config']['digest']}") as config:
        [diff_id] = json.load(config)["rootfs"]["diff_ids"]
    return str(diff_id)


def wait_for(server: RegistryProcess, digest: str) -> int:
    """Ask for a blob as builders do until it is there; return its size."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            with urlopen(Request(f"http://{server.http}/v2/one/blobs/{digest}", method="HEAD")) as answer:
                return int(answer.headers["Content-Length"])
        except HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND or time.monotonic() > end:
                raise
        time.sleep(0.05)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_layer_pushed_compressed_is_not_pushed_again_plain(tmp_path: Path, workers: int) -> None:
    require("buildah", "skopeo", "busybox")
    builder = Builder(tmp_path / "builder")
    with serving(tmp_path / "data", workers=workers) as server:
        manifest = builder.push(f"docker://{server.http}/one:v1")
        [layer], diff_id = manifest["layers"], diff_id_of(server, manifest)
        assert layer["mediaType"] == f"{PLAIN}+gzip"
        size = wait_for(server, diff_id)
        assert size > layer["size"]
        again = builder.push(f"docker://{server.http}/two:v1", "--disable-compression")
        assert again["layers"] == [{"mediaType": PLAIN, "digest": diff_id, "size": size}]
        assert again["config"] == manifest["config"]
        skopeo_copy(f"docker://{server.http}/two:v1", f"dir:{tmp_path / 'pulled'}")
        raw, _ = hash_file(tmp_path / "pulled" / diff_id.removeprefix("sha256:"))
        assert f"sha256:{raw.hex()}" == diff_id
        assert counters(server.grpc, "default/two", bytes_out=size)["bytes_in"] == 0
        names = {path.name for path in (tmp_path / "data").glob("blobs/sha256/*/*")}
        assert names <= {blob["digest"].removeprefix("sha256:") for blob in (layer, manifest["config"])}
