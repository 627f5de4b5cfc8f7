from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.maintenance.farm import Farm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path / "store")
    yield farm
    farm.store.close()
