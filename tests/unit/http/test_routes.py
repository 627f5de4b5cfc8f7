from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella.server.http.errors import PathUnknown
from lamella.server.http.routes import Resource, Route, match

WORDS = ["a", "b", "blobs", "uploads", "manifests", "tags", "list", "referrers", "v2"]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2/", Route(Resource.BASE)),
        ("/v2", Route(Resource.BASE)),
        ("/v2/_catalog", Route(Resource.CATALOG)),
        ("/v2/a/blobs/uploads/", Route(Resource.UPLOADS, "a")),
        ("/v2/a/blobs/uploads/x", Route(Resource.UPLOAD, "a", "x")),
        ("/v2/a/blobs/uploads/blobs/x", Route(Resource.BLOB, "a/blobs/uploads", "x")),
        ("/v2/a/manifests/tags/list", Route(Resource.TAGS, "a/manifests")),
        ("/v2/manifests/manifests/manifests", Route(Resource.MANIFEST, "manifests", "manifests")),
    ],
)
def test_paths_are_read_from_their_end(path: str, route: Route) -> None:
    assert match(path) == route


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("/".join), st.text("ab01:", min_size=1))
def test_every_repository_name_and_reference_come_back(name: str, reference: str) -> None:
    assert match(f"/v2/{name}/manifests/{reference}") == Route(Resource.MANIFEST, name, reference)
    assert match(f"/v2/{name}/blobs/{reference}") == Route(Resource.BLOB, name, reference)
    assert match(f"/v2/{name}/referrers/{reference}") == Route(Resource.REFERRERS, name, reference)
    assert match(f"/v2/{name}/blobs/uploads/{reference}") == Route(Resource.UPLOAD, name, reference)
    assert match(f"/v2/{name}/tags/list") == Route(Resource.TAGS, name)


@given(st.text(st.sampled_from("/v2ab.%\0"), max_size=20))
def test_any_path_is_an_endpoint_or_unknown(path: str) -> None:
    with suppress(PathUnknown):
        assert match(path).resource in Resource
