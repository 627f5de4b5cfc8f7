"""What is asked of a build, and the plan that it comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lamella import _core
from lamella.builder.base_images import LayoutImages, LayoutReference
from lamella.builder.selection import ContextSelector
from lamella.errors import DockerfileError, Invalid, LimitExceeded
from lamella.model import Heredoc, Platform
from lamella.steps.dockerfile import MAX_DOCKERFILE
from lamella.steps.plan import Plan, make_plan
from lamella.steps.work import CopyWork, RunWork, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What to build; ``dockerfile`` defaults to the file of that name in the ``context`` folder.

    ``layouts`` gives images a name for FROM and COPY --from; an empty ``target`` is the last stage. ``build_platform``,
    that of the machine that builds, is what BUILDPLATFORM says; None for ``platform``.
    """

    context: Path
    platform: Platform
    dockerfile: Path | None = None
    target: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    layouts: Mapping[str, LayoutReference] = field(default_factory=dict)
    build_platform: Platform | None = None


@dataclass(frozen=True, slots=True)
class PlannedBuild:
    """A plan with what it was made from."""

    plan: Plan
    context: ContextSelector
    images: LayoutImages


def plan_build(request: BuildRequest) -> PlannedBuild:
    """Read the Dockerfile and the context, and plan the build; files that steps copy are hashed.

    Raises:
        DockerfileError: the Dockerfile cannot be built as it stands.
        Invalid: the context is no folder.
        PatternError: the ``.dockerignore`` is malformed.
        OSError: a file cannot be read.
    """
    if not request.context.is_dir():
        raise Invalid("context", f"{request.context} is no folder")
    path = request.dockerfile or request.context / "Dockerfile"
    dockerfile = _read(path)
    context = ContextSelector(_core.BuildContext(request.context, _ignore(request.context, path)))
    images = LayoutImages(request.layouts)
    plan = make_plan(
        dockerfile,
        images=images,
        context=context,
        platform=request.platform,
        build_platform=request.build_platform,
        file=str(path),
        target=request.target,
        build_arguments=request.arguments,
    )
    return PlannedBuild(plan, context, images)


def refuse_what_cannot_be_built(plan: Plan) -> None:
    """Accept a plan whose every step this version can do.

    Raises:
        DockerfileError: a step runs a command, or fetches something; the line is its own.
    """
    for step in plan.steps:
        if isinstance(step.work, RunWork):
            reason = "RUN cannot be built yet: running commands needs an executor, which a later release brings"
            raise DockerfileError(plan.file, step.line, reason)
        if isinstance(step.work, CopyWork):
            for source in step.work.sources:
                if not isinstance(source, (Selection, Heredoc)):
                    reason = "ADD of a URL or git repository cannot be built yet; fetch it and COPY it instead"
                    raise DockerfileError(plan.file, step.line, reason)


def _ignore(context: Path, dockerfile: Path) -> list[str]:
    """Return the patterns of ``<Dockerfile>.dockerignore`` beside the Dockerfile, else of the context's own."""
    for path in (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), context / ".dockerignore"):
        if path.is_file():
            # Not splitlines(), which ends a line at characters that a file's name may have.
            return _read(path).decode(errors="surrogateescape").split("\n")
    return []


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_DOCKERFILE:
        raise LimitExceeded(f"{path} in bytes", MAX_DOCKERFILE, size)
    return path.read_bytes()
