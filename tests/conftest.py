"""What all tests share: settings, and that none reads or writes what belongs to the user who runs it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long an example takes says how busy the machine is.
settings.register_profile("lamella", deadline=None)
settings.load_profile("lamella")


@pytest.fixture(autouse=True, scope="session")
def cache_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have commands, in this process and others, keep chunks in a folder that goes with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "LAMELLA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
