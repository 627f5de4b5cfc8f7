"""The flags of instructions, such as ``--from=build``."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Kind(Enum):
    SWITCH = "true or false"
    TEXT = "given once"
    LIST = "given any number of times"


_TREE = {"chown": _Kind.TEXT, "chmod": _Kind.TEXT, "link": _Kind.SWITCH, "exclude": _Kind.LIST}
_HEALTH = ("interval", "timeout", "start-period", "start-interval", "retries")
_FLAGS: dict[str, dict[str, _Kind]] = {
    "ADD": {**_TREE, "checksum": _Kind.TEXT, "keep-git-dir": _Kind.SWITCH, "unpack": _Kind.SWITCH},
    "COPY": {**_TREE, "from": _Kind.TEXT, "parents": _Kind.SWITCH},
    "FROM": {"platform": _Kind.TEXT},
    "HEALTHCHECK": dict.fromkeys(_HEALTH, _Kind.TEXT),
    "RUN": {"mount": _Kind.LIST, "network": _Kind.TEXT, "security": _Kind.TEXT},
}


class FlagError(ValueError):
    """A flag is unknown, repeated, or has no value or a wrong one; the message names it."""


class Flags:
    """The flags that an instruction was written with, checked against those it has."""

    def __init__(self, instruction: str, written: Iterable[str] = ()) -> None:
        """``written`` holds ``--name=value`` or ``--name``.

        Raises:
            FlagError: see there.
        """
        known = _FLAGS.get(instruction, {})
        self._values: dict[str, list[str]] = {}
        for flag in written:
            name, equals, value = flag.removeprefix("--").partition("=")
            kind = known.get(name)
            if kind is None:
                has = f"it has {', '.join(f'--{each}' for each in sorted(known))}" if known else "it has none"
                raise FlagError(f"{instruction} has no flag --{name} ({has})")
            if name in self._values and kind is not _Kind.LIST:
                raise FlagError(f"--{name} is given twice")
            if kind is _Kind.SWITCH:
                value = value.lower() if equals else "true"
                if value not in {"true", "false"}:
                    raise FlagError(f"--{name} is true or false, not {value!r}")
            elif not equals:
                raise FlagError(f"--{name} needs a value: --{name}=...")
            self._values.setdefault(name, []).append(value)

    def text(self, name: str) -> str:
        """Return the value of a flag that is given once; empty where it is not."""
        return self._values.get(name, [""])[0]

    def switch(self, name: str) -> bool | None:
        """Return the value of a switch; None where it is not given."""
        values = self._values.get(name)
        return None if values is None else values[0] == "true"

    def list(self, name: str) -> tuple[str, ...]:
        """Return all values of a flag, in their order."""
        return tuple(self._values.get(name, ()))
