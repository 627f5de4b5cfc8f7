"""COPY, ADD and WORKDIR: the instructions that change files without running anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lamella.errors import Invalid
from lamella.model import ExecutionContext, Form, Heredoc, Input
from lamella.steps.effect import Effect, PendingInput, instruction
from lamella.steps.heredoc import parse_heredoc_token, strip_tabs
from lamella.steps.paths import is_folder, join, join_destination, relative
from lamella.steps.permissions import Chmod
from lamella.steps.remote import RemoteError, is_git, is_url, parse_git, parse_url
from lamella.steps.work import CopyWork, GitTree, RemoteFile, Selection, WorkdirWork

if TYPE_CHECKING:
    from typing import NoReturn

    from lamella.steps.dockerfile import ParsedInstruction
    from lamella.steps.sources import Sources
    from lamella.steps.state import StageState
    from lamella.steps.work import Origin, Source

_VARIABLE = re.compile(r"\$.")


def plan_workdir(state: StageState, written: ParsedInstruction, sources: Sources) -> Effect:
    """Plan a WORKDIR: the folder is made where it is missing, and owned by the user that USER has set.

    Raises:
        DockerfileError: the path cannot be expanded.
    """
    path = state.expand(written, written.words[0])
    absolute = join(state.workdir, path)
    return Effect(
        instruction("WORKDIR", [path]),
        ExecutionContext(user=state.user, workdir=_seen_workdir(state, path), shell=()),
        {"WorkingDir": absolute},
        sources.layer_inputs(),
        work=WorkdirWork(absolute, state.user),
    )


def plan_copy(state: StageState, written: ParsedInstruction, sources: Sources) -> Effect:
    """Plan a COPY or an ADD.

    Raises:
        DockerfileError: a source does not exist, a flag is malformed, or a remote source is not fixed by a checksum.
    """
    return _CopyPlanner(state, written, sources).plan()


class _CopyPlanner:
    def __init__(self, state: StageState, written: ParsedInstruction, sources: Sources) -> None:
        self._state = state
        self._written = written
        self._sources = sources
        self._flags = written.flags
        self._exclude = tuple(self._expand(pattern) for pattern in self._flags.list("exclude"))
        unpack = self._flags.switch("unpack")
        self._unpack = written.name == "ADD" if unpack is None else unpack

    def plan(self) -> Effect:
        written, flags = self._written, self._flags
        if _VARIABLE.search(flags.text("from")):
            self._refuse("variables are not expanded in --from; give the image a name with FROM ... AS")
        origin = self._sources.origin(self._state, written, flags.text("from"))
        chown, chmod = self._expand(flags.text("chown")), self._read_chmod()
        destination = self._expand(written.words[-1])
        named = self._read_sources()
        if len(named) > 1 and not is_folder(destination):
            self._refuse(f"several sources need a folder as destination, ending with /: {destination!r}")
        contents = [self._content(f"{place} {name}", source, origin) for place, (name, source) in enumerate(named)]
        unpack = flags.switch("unpack")
        return Effect(
            instruction(
                written.name,
                [*(name for name, _ in named), destination],
                flags={
                    "chown": chown,
                    "chmod": chmod,
                    "exclude": self._exclude,
                    "keep-git-dir": "true" if flags.switch("keep-git-dir") else None,
                    "link": "true" if flags.switch("link") else None,
                    "parents": "true" if flags.switch("parents") else None,
                    "unpack": None if unpack is None else str(unpack).lower(),
                },
                heredocs=[source for _, source in named if isinstance(source, Heredoc)],
            ),
            ExecutionContext(workdir=_seen_workdir(self._state, destination), shell=()),
            inputs=(*(found for found in contents if isinstance(found, Input)), *self._sources.layer_inputs()),
            pending=tuple(found for found in contents if isinstance(found, PendingInput)),
            work=CopyWork(
                origin=origin,
                sources=tuple(source for _, source in named),
                destination=join_destination(self._state.workdir, destination),
                chown=chown,
                chmod=chmod,
                link=bool(flags.switch("link")),
                unpack=self._unpack,
                unpack_remote=bool(unpack),
            ),
        )

    def _read_chmod(self) -> str:
        chmod = self._expand(self._flags.text("chmod"))
        if chmod:
            try:
                Chmod(chmod)
            except Invalid as error:
                self._refuse(error)
        return chmod

    def _read_sources(self) -> list[tuple[str, Source]]:
        """Return the sources with their names in the key, here-documents last, which is the order of copying."""
        files: list[tuple[str, Source]] = []
        heredocs: list[tuple[str, Source]] = []
        bodies = iter(self._written.heredocs)
        for word in self._written.words[:-1]:
            token = parse_heredoc_token(word) if self._written.form is Form.SHELL else None
            if token is None:
                expanded = self._expand(word)
                files.append((expanded, self._read_source(expanded)))
                continue
            file = relative(token.name)
            if "/" in file or file == ".":
                self._refuse(f"<<{token.name} is no name for a file; put its folder into the destination")
            body = next(bodies).body
            body = strip_tabs(body) if token.strips_tabs else body
            body = self._state.expand_body(self._written, body) if token.expands else body
            heredocs.append((f"<<{token.name}", Heredoc(file, body)))
        if self._flags.text("checksum") and (len(files) != 1 or isinstance(files[0][1], Selection)):
            self._refuse("--checksum is for a single URL or git repository")
        return files + heredocs

    def _read_source(self, source: str) -> Source:
        if is_git(source) or is_url(source):
            if self._written.name == "COPY":
                self._refuse(f"{source!r} is not a path; ADD takes URLs and git repositories")
            checksum = self._expand(self._flags.text("checksum"))
            try:
                if is_git(source):
                    return parse_git(source, checksum, keep_git_dir=bool(self._flags.switch("keep-git-dir")))
                return parse_url(source, checksum)
            except RemoteError as error:
                self._refuse(error)
        if not self._flags.switch("parents"):
            return Selection(relative(source), self._exclude)
        pivot, marker, kept = source.partition("/./")
        path = relative(kept if marker else source)
        return Selection(path, self._exclude, parents=True, pivot=relative(pivot) if marker else ".")

    def _content(self, name: str, source: Source, origin: Origin) -> Input | PendingInput | None:
        match source:
            case Selection():
                return self._sources.content(self._state, self._written, name, origin, source, apart=self._unpack)
            case RemoteFile():
                return Input("content", name, str(source.checksum))
            case GitTree():
                return Input("content", name, f"git:{source.commit}")
        return None

    def _expand(self, word: str) -> str:
        return self._state.expand(self._written, word)

    def _refuse(self, reason: object) -> NoReturn:
        self._state.refuse(self._written, reason)


def _seen_workdir(state: StageState, path: str) -> str:
    """Return the working directory where ``path`` depends on it."""
    return "/" if path.startswith("/") else state.workdir
