"""Random contexts, Dockerfiles and edits: whatever came before, the cache gives what a build without one gives."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamella.errors import LamellaError
from tests.system.farm import Farm, Given

if TYPE_CHECKING:
    from collections.abc import Callable

Edit = tuple[str, str, str]
"""What is done, to which path of the context, with which text."""
Stages = tuple[list[str], list[str]]
Round = tuple[list[Edit], list[str] | None, Stages | None, dict[str, str]]
"""Edits, a new .dockerignore, a new Dockerfile, and build arguments."""

# Few names, so that edits meet: files that become folders and back, names that differ in case, links to all of them.
PATHS = ["a", "A", "d", "d/a", "d/b", "d/e", "d/e/a", ".h", "l", "d/l"]
TEXTS = ["", "1", "2"]
EDITS = st.tuples(
    st.sampled_from(["write", "folder", "link", "remove", "mode"]),
    st.sampled_from(PATHS),
    st.sampled_from(["", "1", "2", "a", "d", "../a"]),
)
IGNORED = st.lists(st.sampled_from(["a", "d", "**/a", "!d/a", "d/*", "!d/e", ".h", "*", "!**/a", "l"]), max_size=3)
SOURCES = ["a", ".", "d", "d/", "d/*", "*", "[aA]", "l", "d/e", "**/a"]
TARGETS = ["/x", "/x/", "/x/y", ".", "r/", "/$V/", "/l/z"]
INSTRUCTIONS = st.one_of(
    st.builds(
        "{0} {1}{2} {3}".format,
        st.sampled_from(["COPY", "ADD"]),
        st.sampled_from(["", "--chown=1 ", "--chown=1:2 ", "--chmod=600 ", "--chmod=u=rwX,go=rX ", "--exclude=a "]),
        st.sampled_from(SOURCES),
        st.sampled_from(TARGETS),
    ),
    st.builds(
        "COPY --from=one {0} {1}".format,
        st.sampled_from(["/x", "/", "/x/*", "/x/d", "/x/[ad]/*"]),
        st.sampled_from(TARGETS),
    ),
    st.builds("COPY <<E {1}\n{0}$V\nE".format, st.sampled_from(TEXTS), st.sampled_from(["/x", "/h/", "h"])),
    st.sampled_from(["WORKDIR /w", "WORKDIR w", "USER 1", "ENV V=1", "ENV V=2", "ARG V=3", "ENV W=$V", "LABEL v=$V"]),
    st.sampled_from(["CMD x", 'CMD ["x"]', 'ENTRYPOINT ["e"]', 'SHELL ["/s"]', "EXPOSE 1", "VOLUME /v"]),
)
STAGES = st.tuples(st.lists(INSTRUCTIONS, max_size=3), st.lists(INSTRUCTIONS, min_size=1, max_size=4))
ROUNDS = st.lists(
    st.tuples(
        st.lists(EDITS, max_size=3),
        st.none() | IGNORED,
        st.none() | STAGES,
        st.sampled_from([{}, {"V": "1"}, {"V": "2"}, {"SOURCE_DATE_EPOCH": "9"}]),
    ),
    min_size=2,
    max_size=6,
)


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(contents=st.lists(EDITS, max_size=8), stages=STAGES, rounds=ROUNDS)
def test_a_cached_build_is_a_fresh_build(
    server: str,
    contents: list[Edit],
    stages: Stages,
    rounds: list[Round],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        farm = Farm(server, Path(name))
        for path in ("a", "d/a", "d/b", "d/e/a"):
            edit("write", farm.context / path, "0")
        first: Round = (contents, None, stages, {})
        for edits, ignored, dockerfile, arguments in [first, *rounds]:
            for kind, path, text in edits:
                edit(kind, farm.context / path, text)
            if ignored is not None:
                (farm.context / ".dockerignore").write_text("\n".join(ignored))
            if dockerfile is not None:
                one, two = ("\n".join(lines) for lines in dockerfile)
                one = one.replace("--from=one ", "")
                farm.dockerfile(f"FROM scratch AS one\nCOPY . /x/\n{one}\nFROM scratch\n{two}\n")
            options = Given(arguments)
            assert outcome(lambda: farm.build_cached(options).manifest) == outcome(  # noqa: B023  (called at once)
                lambda: farm.build_fresh(options).manifest  # noqa: B023
            )


def outcome(build: Callable[[], str]) -> str:
    """Return the image that a build gives, or what it fails with: the cache must change neither."""
    try:
        return build()
    except LamellaError as error:
        return str(error)


def edit(kind: str, path: Path, text: str) -> None:
    if path.parent.name != "context" and not (path.parent.is_dir() and not path.parent.is_symlink()):
        edit("folder", path.parent, "")
    if kind == "mode":
        if path.exists() and not path.is_symlink():
            path.chmod(0o700 if text else 0o755)
        return
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir() and kind != "folder":
        shutil.rmtree(path)
    if kind == "write":
        path.write_text(text)
    elif kind == "folder":
        path.mkdir(exist_ok=True)
    elif kind == "link":
        path.symlink_to(text or "nowhere")
