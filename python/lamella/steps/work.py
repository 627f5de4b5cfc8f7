"""What there is to do for a step that changes files, in full: a builder needs no Dockerfile to do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lamella.model import Heredoc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from lamella.model import Digest, Platform
    from lamella.steps.mounts import Mount


@dataclass(frozen=True, slots=True)
class BaseImage:
    """An image that a stage starts from, or that files are copied from.

    ``diff_ids`` are those of its layers, lowest first, and ``chain_id`` theirs together; ``configuration`` is the OCI
    image configuration, whose ``config`` object the stage inherits.
    """

    reference: str
    platform: Platform
    chain_id: Digest
    diff_ids: tuple[Digest, ...]
    configuration: Mapping[str, Any]


class BaseImages(Protocol):
    """Finds images by reference."""

    def resolve(self, reference: str, platform: Platform) -> BaseImage:
        """Return the image that ``reference`` names, for ``platform``.

        Raises:
            LookupError: there is none; the first argument says what to do about it.
            ValueError: the image is malformed; the message says how.
        """


class ContextFiles(Protocol):
    """The build context, less what ``.dockerignore`` leaves out."""

    def digest(self, selection: Selection, *, apart: bool = False) -> Digest:
        """Return the content digest of what ``selection`` copies.

        With ``apart``, each file and folder that its wildcards match counts on its own: where archives are unpacked, a
        file is not the same as one of that name in a folder.

        Raises:
            OSError: nothing matches, or something cannot be read; the message says so.
            ValueError: a pattern is malformed; the message says which.
        """


@dataclass(frozen=True, slots=True)
class Selection:
    """Files of a build context, a stage or an image that one source of COPY, ADD or a bind mount names.

    ``source`` is relative to the root and without ``..``; ``.`` is the root. It may hold Docker's wildcards; where it
    does not mean them, they are escaped. ``exclude`` holds the patterns of ``--exclude``. With ``parents``, each file
    keeps its path relative to ``pivot``, and ``source`` is relative to ``pivot``.
    """

    source: str
    exclude: tuple[str, ...] = ()
    parents: bool = False
    pivot: str = "."


@dataclass(frozen=True, slots=True)
class FromContext:
    """Files come from the build context."""


@dataclass(frozen=True, slots=True)
class FromStage:
    """Files come from another stage, by its place in ``Plan.stages``."""

    stage: int


@dataclass(frozen=True, slots=True)
class FromImage:
    """Files come from an image."""

    image: BaseImage


Origin = FromContext | FromStage | FromImage


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file to fetch, whose bytes have ``checksum``; it is named ``name`` where the destination is a folder."""

    url: str
    name: str
    checksum: Digest


@dataclass(frozen=True, slots=True)
class GitTree:
    """A folder of a git repository at a commit (40 or 64 hex digits)."""

    remote: str
    commit: str
    folder: str
    keep_git_dir: bool


Source = Selection | RemoteFile | GitTree | Heredoc


@dataclass(frozen=True, slots=True)
class CopyWork:
    """COPY or ADD: put ``sources`` into ``destination``, in their order.

    ``destination`` is absolute, and ends with ``/`` where it is a folder for certain. ``chown`` (``user[:group]``,
    names or numbers) and ``chmod`` (octal or symbolic) are empty where not given. A ``Heredoc`` is a file of mode 0644.
    ``unpack`` says whether local files that are tar archives, plain or compressed, are extracted instead, and
    ``unpack_remote`` whether remote ones are.
    """

    origin: Origin
    sources: tuple[Source, ...]
    destination: str
    chown: str = ""
    chmod: str = ""
    link: bool = False
    unpack: bool = False
    unpack_remote: bool = False


@dataclass(frozen=True, slots=True)
class WorkdirWork:
    """WORKDIR: make the folder ``path`` and its parents, where they are missing, owned by ``owner`` (empty: 0:0)."""

    path: str
    owner: str


@dataclass(frozen=True, slots=True)
class RunWork:
    """RUN: execute ``command`` in ``workdir`` as ``user`` with ``environment``, which holds the ARGs in scope too.

    ``script`` is a file to be found at ``/dev/pipes/<its name>``, mode 0755, while the command runs. ``network`` is
    ``default``, ``none`` or ``host``; ``security`` is ``sandbox`` or ``insecure``.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    user: str
    workdir: str
    mounts: tuple[Mount, ...] = ()
    script: Heredoc | None = None
    network: str = "default"
    security: str = "sandbox"


Work = CopyWork | WorkdirWork | RunWork
