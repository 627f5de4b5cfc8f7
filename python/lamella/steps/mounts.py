"""``RUN --mount``: reading and checking what is mounted while a command runs."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lamella.steps.paths import join

if TYPE_CHECKING:
    from collections.abc import Callable


class MountError(ValueError):
    """A mount is malformed; the message names the option."""


class MountType(StrEnum):
    """What is mounted."""

    BIND = "bind"
    CACHE = "cache"
    TMPFS = "tmpfs"
    SECRET = "secret"  # noqa: S105 - a kind of mount
    SSH = "ssh"


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount with every default filled in, and empty or None what the type does not have.

    ``target`` is absolute (empty for a secret that is only a variable, ``env``, or an ssh socket at its default place).
    ``origin`` is the ``from`` as written: a stage, a stage's number or an image. ``mode`` has permission bits, ``size``
    is in bytes.
    """

    type: MountType
    target: str
    source: str = ""
    origin: str = ""
    read_only: bool = False
    id: str = ""
    sharing: str = ""
    required: bool = False
    env: str = ""
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size: int | None = None

    @property
    def has_content(self) -> bool:
        """Whether files are there from the start: what they are then is an input of the step."""
        return self.type is MountType.BIND or (self.type is MountType.CACHE and bool(self.origin))


_OPTIONS = {
    "type": "type", "from": "from", "source": "source", "src": "source", "target": "target", "dst": "target",
    "destination": "target", "readonly": "readonly", "ro": "readonly", "readwrite": "readwrite", "rw": "readwrite",
    "id": "id", "sharing": "sharing", "required": "required", "env": "env", "mode": "mode", "uid": "uid", "gid": "gid",
    "size": "size",
}  # fmt: skip
_OWNED = {"id", "mode", "uid", "gid"}
_ALLOWED = {
    MountType.BIND: {"target", "source", "from", "readonly"},
    MountType.CACHE: {"target", "source", "from", "readonly", "sharing", *_OWNED},
    MountType.TMPFS: {"target", "size", "readonly"},
    MountType.SECRET: {"target", "source", "required", "env", *_OWNED},
    MountType.SSH: {"target", "required", *_OWNED},
}
MAX_DIGITS = 32
"""The longest number, in characters."""
_WITHOUT_VALUE = {"readonly", "readwrite", "required"}
_TRUTH = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?\Z", re.IGNORECASE)


def parse_mount(text: str, workdir: str, expand: Callable[[str], str]) -> Mount:
    """Read the value of a ``--mount`` flag; ``expand`` expands variables, ``workdir`` is what targets are relative to.

    Raises:
        MountError: an option is unknown, malformed or not one of the mount's type.
    """
    options = _read_options(text, expand)
    try:
        kind = MountType(options.pop("type", "bind").lower())
    except ValueError as error:
        raise MountError(f"unknown mount type in {text!r} (it is one of {', '.join(MountType)})") from error
    for name in options:
        if name not in _ALLOWED[kind]:
            raise MountError(f"a mount of type {kind} has no option {name!r}: {text!r}")
    if "$" in options.get("from", ""):
        raise MountError(f"variables are not expanded in from: {text!r}; give the stage a name of its own with FROM")
    target = options.get("target", "")
    if target or kind in {MountType.BIND, MountType.CACHE, MountType.TMPFS}:
        target = join(workdir, target)
        if target == "/":
            raise MountError(f"nothing can be mounted on /: {text!r}")
    read = {
        MountType.BIND: _bind, MountType.CACHE: _cache, MountType.TMPFS: _tmpfs, MountType.SECRET: _secret,
        MountType.SSH: _ssh,
    }  # fmt: skip
    return read[kind](target, options)


def _bind(target: str, options: dict[str, str]) -> Mount:
    return Mount(
        MountType.BIND,
        target,
        source=join("/", options.get("source", "")),
        origin=options.get("from", ""),
        read_only=_truth(options, "readonly", default=True),
    )


def _cache(target: str, options: dict[str, str]) -> Mount:
    sharing = options.get("sharing", "shared").lower()
    if sharing not in {"shared", "private", "locked"}:
        raise MountError(f"sharing is shared, private or locked, not {sharing!r}")
    return Mount(
        MountType.CACHE,
        target,
        source=join("/", options.get("source", "")),
        origin=options.get("from", ""),
        read_only=_truth(options, "readonly", default=False),
        id=options.get("id") or target,
        sharing=sharing,
        mode=_number(options, "mode", 0o755, base=8),
        uid=_number(options, "uid", 0),
        gid=_number(options, "gid", 0),
    )


def _tmpfs(target: str, options: dict[str, str]) -> Mount:
    return Mount(
        MountType.TMPFS,
        target,
        read_only=_truth(options, "readonly", default=False),
        size=_size(options["size"]) if "size" in options else None,
    )


def _secret(target: str, options: dict[str, str]) -> Mount:
    if "source" in options and "id" in options:
        raise MountError("a secret has an id or a source, not both")
    secret = options.get("id") or options.get("source") or target.rpartition("/")[2]
    if not secret:
        raise MountError("a secret needs an id or a target")
    env = options.get("env", "")
    return Mount(
        MountType.SECRET,
        target or ("" if env else f"/run/secrets/{secret.rpartition('/')[2]}"),
        read_only=True,
        id=secret,
        required=_truth(options, "required", default=False),
        env=env,
        mode=_number(options, "mode", 0o400, base=8),
        uid=_number(options, "uid", 0),
        gid=_number(options, "gid", 0),
    )


def _ssh(target: str, options: dict[str, str]) -> Mount:
    return Mount(
        MountType.SSH,
        target,
        id=options.get("id") or "default",
        required=_truth(options, "required", default=False),
        mode=_number(options, "mode", 0o600, base=8),
        uid=_number(options, "uid", 0),
        gid=_number(options, "gid", 0),
    )


def _read_options(text: str, expand: Callable[[str], str]) -> dict[str, str]:
    try:
        (fields,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        raise MountError(f"not a comma-separated list of options: {text!r} ({error})") from None
    options: dict[str, str] = {}
    for field in fields:
        written, equals, value = field.partition("=")
        name = _OPTIONS.get(written.lower())
        if name is None:
            raise MountError(f"unknown mount option {written!r} in {text!r}")
        if not equals and name not in _WITHOUT_VALUE:
            raise MountError(f"the mount option {written!r} needs a value: {text!r}")
        value = value if name == "from" else expand(value)
        if name == "readwrite":
            name, value = "readonly", "false" if _boolean(written, value or "true") else "true"
        options[name] = value
    return options


def _truth(options: dict[str, str], name: str, *, default: bool) -> bool:
    return _boolean(name, options[name] or "true") if name in options else default


def _boolean(name: str, value: str) -> bool:
    truth = _TRUTH.get(value.lower())
    if truth is None:
        raise MountError(f"the mount option {name!r} is true or false, not {value!r}")
    return truth


def _number(options: dict[str, str], name: str, default: int, base: int = 10) -> int:
    text = options.get(name)
    if text is None:
        return default
    digits = "01234567" if base == 8 else "0123456789"
    if not text or text.strip(digits) or len(text) > MAX_DIGITS or int(text, base) >= 1 << 32:
        raise MountError(f"the mount option {name!r} is {'an octal' if base == 8 else 'a'} number, not {text!r}")
    return int(text, base)


def _size(text: str) -> int:
    match = _SIZE.match(text)
    if match is None or len(text) > MAX_DIGITS:
        raise MountError(f"the mount option 'size' is a number of bytes such as 64m, not {text!r}")
    return int(float(match[1]) * 1024 ** " kmgtp".index(match[2].lower() or " "))


def mount_origin(text: str) -> str:
    """Return the ``from`` in the value of a ``--mount`` flag, empty where there is none; the rest is not checked.

    Raises:
        MountError: the value is no list of options.
    """
    return _read_options(text, str).get("from", "")
