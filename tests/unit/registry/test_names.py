from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella.model import Digest, Sha512
from lamella.registry.errors import DigestInvalid, NameInvalid, TagInvalid
from lamella.registry.names import MAX_NAME, Repository, Tag, parse_digest, parse_reference

# The specification's own expressions ("Pulling manifests"), but for the limit on a name's length.
NAME = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
TAG = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"

TEXTS = st.text(st.sampled_from("ab0A._-/:\n"), max_size=12)


@given(TEXTS)
def test_repositories_have_the_form_of_the_specification(text: str) -> None:
    """Pulling manifests: <name>."""
    if re.fullmatch(NAME, text):
        assert Repository(text).name == text
    else:
        with pytest.raises(NameInvalid):
            Repository(text)


@given(TEXTS)
def test_tags_have_the_form_of_the_specification(text: str) -> None:
    """Pulling manifests: <reference> as a tag."""
    if re.fullmatch(TAG, text):
        assert parse_reference(text) == Tag(text)
    else:
        with pytest.raises(TagInvalid):
            Tag(text)


def test_the_longest_names() -> None:
    assert Repository("a" * MAX_NAME).name
    assert Tag("a" * 128).name
    for make, text in ((Repository, "a" * (MAX_NAME + 1)), (Tag, "a" * 129)):
        with pytest.raises((NameInvalid, TagInvalid)):
            make(text)


def test_a_name_that_almost_matches_is_refused_quickly() -> None:
    started = time.process_time()
    for text in ("a-" * 127, "a/" * 127, "a" * 254 + "-", "a" + "-" * 254):
        with pytest.raises(NameInvalid):
            Repository(text)
    assert time.process_time() - started < 5


def test_a_reference_with_a_colon_is_a_digest() -> None:
    digest = Digest.of(b"x")
    assert parse_reference(str(digest)) == digest == parse_digest(str(digest))
    name = Sha512.of(b"x")
    assert parse_reference(str(name)) == name == parse_digest(str(name))
    for text in ("sha384:" + "0" * 96, "sha512:" + "0" * 64, "sha512:" + "A" * 128, "sha256:x", "a:b", ":"):
        with pytest.raises(DigestInvalid):
            parse_reference(text)
