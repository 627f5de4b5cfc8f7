"""The specification's own conformance suite, unmodified: every API and every kind of content that it knows."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.http.process import serving
from tests.system.go_tools import go_tool, require_built

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

CONFORMANCE = go_tool("conformance")
SECONDS = 300
SETTINGS = {
    "OCI_TLS": "disabled",
    "OCI_VERSION": "1.1",
    # Choices of a registry that the suite does not expect by default.
    "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
    "OCI_API_BLOBS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
}
DISABLED = {
    # Not in 1.1: several tags in one push.
    "Manifest put with tag params",
    "Tag Param",
    "Tag Param sha512",
    # A registry may refuse a manifest that refers to what is not there.
    "Sparse Manifests",
}


def test_the_conformance_suite_passes(tmp_path: Path) -> None:
    """Conformance, "Requirements": all four categories, so nothing is failed, and nothing skipped as unsupported."""
    require_built(CONFORMANCE)
    with serving(tmp_path / "data", workers=2) as server:
        done = subprocess.run(
            [CONFORMANCE],
            env={**os.environ, **SETTINGS, "OCI_REGISTRY": server.http},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    found = dict(re.findall(r"^  (\S.*?)\.+: +(\S+)$", done.stdout, re.MULTILINE))
    counts = {name: int(found.pop(name)) for name in ("Skip", "FAIL", "Error")}
    assert found.pop("Image") == "Pass", done.stdout
    statuses = {name: status for name, status in found.items() if not status.isdigit() and status != "Pass"}
    assert statuses == dict.fromkeys(DISABLED, "Disabled"), done.stdout
    assert counts == {"Skip": 0, "FAIL": 0, "Error": 0}, done.stdout
    assert done.returncode == 0
