"""Debian's buildah as a second opinion on what a Dockerfile means."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.system.flat_image import Files, read_directory_image

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Buildah:
    """buildah with a storage of its own below ``folder``."""

    folder: Path

    def build(
        self, context: Path, name: str, *, target: str = "", arguments: Mapping[str, str] | None = None
    ) -> tuple[Files, dict[str, Any]]:
        """Build ``context``, and name the image ``localhost/NAME``; return its files and ``config`` object."""
        options = [f"--build-arg={key}={value}" for key, value in (arguments or {}).items()]
        if target:
            options.append(f"--target={target}")
        image = f"localhost/{name}"
        # Docker's format, since buildah drops HEALTHCHECK, ONBUILD and SHELL from OCI's.
        self._run(
            "build", "--isolation=chroot", "--format=docker", "--identity-label=false", "--pull=never",
            "--layers=false", "--platform=linux/amd64", f"--tag={image}", *options, str(context),
        )  # fmt: skip
        output = self.folder / f"image-{name}"
        self._run("push", image, f"dir:{output}")
        files, configuration = read_directory_image(output)
        return files, configuration["config"]

    def remove_images(self) -> None:
        """Give back the room, and what is mounted."""
        self._run("rmi", "--all", "--force")

    def _run(self, *arguments: str) -> None:
        configuration = self.folder / "storage.conf"
        if not configuration.exists():
            lines = [
                "[storage]",
                'driver = "vfs"',
                f'graphroot = "{self.folder}/root"',
                f'runroot = "{self.folder}/run"',
            ]
            configuration.write_text("\n".join(lines))
        environment = os.environ | {"CONTAINERS_STORAGE_CONF": str(configuration)}
        done = subprocess.run(["buildah", *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"buildah {arguments[0]}: {done.stderr[-2000:]}")
