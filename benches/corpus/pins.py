"""What the corpus is made of: ``pins.toml`` as values."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

PINS: Final = Path(__file__).with_name("pins.toml")
"""The file that names every release."""

FIRST_BUILD: Final = 1_780_000_000
"""When the first release of each series is built, in seconds since the epoch (May 2026)."""

BUILD_INTERVAL: Final = 14 * 86_400
"""How much later the next release is built, in seconds: no two layers of a series share the times of their files."""


@dataclass(frozen=True)
class Release:
    """One release of a package: the wheel with the SHA-256 ``sha256``, installed at the time ``built``."""

    package: str
    version: str
    sha256: str
    built: int


@dataclass(frozen=True)
class Package:
    """A package's consecutive releases, oldest first; ``bytecode`` asks for a second series with ``.pyc`` files."""

    name: str
    quick: bool
    bytecode: bool
    releases: tuple[Release, ...]


@dataclass(frozen=True)
class State:
    """One state of a Debian root file system, made at the time ``built`` from the packages of ``sources``."""

    name: str
    sources: tuple[str, ...]
    packages: tuple[str, ...]
    built: int


@dataclass(frozen=True)
class Pins:
    """All of it, in the file's order."""

    packages: tuple[Package, ...]
    debian: tuple[State, ...]


def read_pins(path: Path = PINS) -> Pins:
    """Return what the file says.

    Raises:
        KeyError: a table lacks a key.
        tomllib.TOMLDecodeError: the file is no TOML.
    """
    document = tomllib.loads(path.read_text("utf-8"))
    return Pins(
        tuple(_package(table) for table in document["package"]),
        tuple(
            State(table["name"], tuple(table["sources"]), tuple(table["packages"]), _midnight(table["built"]))
            for table in document["debian"]
        ),
    )


def _package(table: dict[str, Any]) -> Package:
    releases = (
        Release(table["name"], entry["version"], entry["sha256"], FIRST_BUILD + number * BUILD_INTERVAL)
        for number, entry in enumerate(table["releases"])
    )
    return Package(table["name"], table.get("quick", False), table.get("bytecode", False), tuple(releases))


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
