"""Platforms in the one spelling that keys are made of."""

from __future__ import annotations

from lamella.model import Platform

_ARCHITECTURES = {
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
}
_DEFAULT_VARIANTS = {"amd64": "v1", "arm64": "v8"}
"""The variants that go without saying."""


def normalize_platform(platform: Platform) -> Platform:
    """Return the usual name of a platform, as containerd does: ``linux/aarch64`` and ``linux/arm64/v8`` are one."""
    system, architecture, variant = platform.os.lower(), platform.architecture.lower(), platform.variant.lower()
    architecture, implied = _ARCHITECTURES.get(architecture, (architecture, ""))
    variant = variant or implied
    if architecture == "arm":
        variant = variant or "v7"
    if variant and variant[0].isdecimal():
        variant = f"v{variant}"
    if _DEFAULT_VARIANTS.get(architecture) == variant:
        variant = ""
    return Platform({"macos": "darwin"}.get(system, system), architecture, variant)
