"""Image configurations, and their changes as JSON Merge Patches (RFC 7396)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_SHELL = ("/bin/sh", "-c")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of an image that sets none."""


class ConfigError(ValueError):
    """A base image's configuration is malformed; the message names the field."""


def canonical_json(value: object) -> str:
    """Return JSON that is the same for equal values: keys in the order of their code points, no spaces, no escapes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def apply_change(config: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``config`` with a merge patch applied (RFC 7396, section 2); neither argument is changed."""
    result = dict(config)
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            before = result.get(name)
            result[name] = apply_change(before if isinstance(before, dict) else {}, value)
        else:
            result[name] = value
    return result


def scratch_config() -> dict[str, Any]:
    """Return the ``config`` object that FROM scratch starts with."""
    return {"Env": [f"PATH={DEFAULT_PATH}"], "WorkingDir": "/"}


def inherited_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``config`` object that a stage starts with: its base's, less the triggers, and with a PATH.

    Raises:
        ConfigError: a field that instructions read is of the wrong type.
    """
    result = {name: value for name, value in config.items() if name != "OnBuild"}
    environment = read_environment(result)
    environment.setdefault("PATH", DEFAULT_PATH)
    result["Env"] = write_environment(environment)
    _texts(result, "Shell")
    for name in ("User", "WorkingDir"):
        if not isinstance(result.get(name) or "", str):
            raise ConfigError(f"config.{name} is not text")
    return result


def read_environment(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of ``config.Env``; where one is there twice, the last value at the first place.

    Raises:
        ConfigError: it is not a list of texts.
    """
    environment: dict[str, str] = {}
    for entry in _texts(config, "Env"):
        name, _, value = entry.partition("=")
        if name:
            environment[name] = value
    return environment


def write_environment(environment: Mapping[str, str]) -> list[str]:
    """Return variables as ``config.Env`` holds them."""
    return [f"{name}={value}" for name, value in environment.items()]


def read_triggers(config: Mapping[str, Any]) -> list[str]:
    """Return the triggers of ``config.OnBuild``.

    Raises:
        ConfigError: it is not a list of texts.
    """
    return _texts(config, "OnBuild")


def read_shell(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what shell forms are run with."""
    return tuple(_texts(config, "Shell")) or DEFAULT_SHELL


def _texts(config: Mapping[str, Any], name: str) -> list[str]:
    value = config.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ConfigError(f"config.{name} is not a list of texts")
    return list(value)
