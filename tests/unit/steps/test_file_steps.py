"""COPY, ADD and WORKDIR: what is copied, from where, and to where."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lamella.errors import DockerfileError
from lamella.model import Digest, ExecutionContext, Heredoc, Platform
from lamella.steps.key import step_key
from lamella.steps.work import CopyWork, FromContext, FromImage, FromStage, GitTree, RemoteFile, Selection, WorkdirWork
from tests.unit.steps.support import Context, change, inputs, last, plan, steps

if TYPE_CHECKING:
    from lamella.steps.plan import PlannedStep

_SUM = Digest.of(b"remote")
_COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _work(step: PlannedStep) -> CopyWork:
    assert isinstance(step.work, CopyWork)
    return step.work


@pytest.mark.parametrize(
    ("text", "destination", "sources"),
    [
        ("COPY a /b", "/b", ["a"]),
        ("COPY a b", "/w/b", ["a"]),
        ("COPY a ./", "/w/", ["a"]),
        ("COPY a .", "/w/", ["a"]),
        ("COPY a ..", "/", ["a"]),
        ("COPY a ../x", "/x", ["a"]),
        ("COPY a /x/./y/../", "/x/", ["a"]),
        ("COPY a /x/.", "/x/", ["a"]),
        ("COPY a //x", "/x", ["a"]),
        ("COPY . /", "/", ["."]),
        ("COPY / /b", "/b", ["."]),
        ("COPY /a ./b/../../c /x/", "/x/", ["a", "c"]),
        ("COPY ../../a /x", "/x", ["a"]),
        ("COPY a*.py ?[b-c] x/", "/w/x/", ["a*.py", "?[b-c]"]),
        ('COPY ["a b", "c"]', "/w/c", ["a b"]),
        ("ARG V=1\nCOPY a-$V ${V}b/", "/w/1b/", ["a-1"]),
    ],
)
def test_sources_are_in_the_context_and_destinations_absolute(text: str, destination: str, sources: list[str]) -> None:
    work = _work(last(f"WORKDIR /w\n{text}"))
    assert work.destination == destination
    assert list(work.sources) == [Selection(source) for source in sources]
    assert work.origin == FromContext()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY --chown=1:2 a b", {"chown": "1:2"}),
        ("ARG U=app\nCOPY --chown=$U a b", {"chown": "app"}),
        ("COPY --chown=$unset a b", {}),
        ("COPY --chmod=0755 a b", {"chmod": "0755"}),
        ("COPY --chmod=u=rwX,go=rX a b", {"chmod": "u=rwX,go=rX"}),
        ("COPY --link a b", {"link": True}),
        ("COPY --link=false a b", {}),
        ("ADD a b", {"unpack": True}),
        ("ADD --unpack=false a b", {}),
        ("ADD --unpack a b", {"unpack": True, "unpack_remote": True}),
    ],
)
def test_flags_say_how_to_copy(text: str, expected: dict[str, Any]) -> None:
    work = _work(last(text))
    assert work == replace(CopyWork(FromContext(), (Selection("a"),), "/b"), **expected)


def test_flags_are_in_the_key_where_they_say_something() -> None:
    step = last("COPY --link --parents --exclude=b --exclude=!a --chown=1 --chmod=7 --exclude=b x/./y /z/").node.step
    assert step.instruction.flags == (
        ("chmod", "7"),
        ("chown", "1"),
        ("exclude", "!a"),
        ("exclude", "b"),
        ("link", "true"),
        ("parents", "true"),
    )
    assert last("COPY --link=false --chown=$unset a b").node == last("COPY a b").node


def test_exclude_and_parents_select() -> None:
    (source,) = _work(last("COPY --exclude=*.md --exclude=!a.md a b")).sources
    assert source == Selection("a", ("*.md", "!a.md"))
    sources = _work(last("COPY --parents x/./y/*.c z /d/")).sources
    assert sources == (Selection("y/*.c", (), parents=True, pivot="x"), Selection("z", (), parents=True, pivot="."))


def test_content_is_an_input_for_each_source() -> None:
    step = last("COPY a b /c/")
    assert list(inputs(step)) == [("content", "0 a"), ("content", "1 b")]
    changed = last("COPY a b /c/", context=Context({"b": "changed"}))
    assert step_key(changed.node.step) != step_key(step.node.step)


@pytest.mark.parametrize("change", ["ENV A=2", "USER u", 'SHELL ["x"]', "LABEL a=b", "ARG A=1"])
def test_a_copy_sees_nothing_of_the_context_but_the_folder(change: str) -> None:
    assert last(f"{change}\nCOPY a /b").node == last("COPY a /b").node


def test_a_copy_sees_the_folder_only_if_its_destination_is_relative() -> None:
    def key(folder: str, destination: str) -> Digest:
        step = last(f"WORKDIR {folder}\nCOPY a {destination}").node.step
        return step_key(step)

    assert key("/one", "/b") == key("/two", "/b")
    assert key("/one", "b") != key("/two", "b")


def test_files_of_a_stage_are_waited_for() -> None:
    planned = plan("FROM a AS one\nRUN x\nFROM b\nCOPY --from=one --chown=7 /x y /z/\n")
    step = planned.steps[-1]
    assert step.node.inputs_pending
    assert _work(step).origin == FromStage(0)
    assert [(pending.name, pending.origin, pending.selection) for pending in step.waits_for] == [
        ("0 /x", FromStage(0), Selection("x")),
        ("1 y", FromStage(0), Selection("y")),
    ]
    found = step.with_inputs([Digest.of(b"x"), Digest.of(b"y")])
    assert inputs(found) == {("content", "0 /x"): str(Digest.of(b"x")), ("content", "1 y"): str(Digest.of(b"y"))}
    assert (found.waits_for, found.node.inputs_pending) == ((), False)
    with pytest.raises(ValueError, match="zip"):
        step.with_inputs([Digest.of(b"x")])


def test_the_name_of_the_stage_is_not_in_the_key() -> None:
    contents = [Digest.of(b"x")]
    one, two = (
        last(f"FROM a AS {name}\nRUN {name}\nFROM b\nCOPY --from={name} /x /y\n").with_inputs(contents)
        for name in ("one", "two")
    )
    assert one.node == two.node


def test_files_of_an_image_are_waited_for() -> None:
    step = last("FROM b\nCOPY --from=tool:1 /x /y\n", platform=Platform("linux", "arm64"))
    origin = _work(step).origin
    assert isinstance(origin, FromImage)
    assert (origin.image.reference, str(origin.image.platform)) == ("tool:1", "linux/arm64")


def test_here_documents_are_files_expanded_unless_quoted() -> None:
    step = last('ARG V=1\nCOPY a <<one.txt <<-"two" /d/\n$V "q" \\$V\none.txt\n\t$V\n\ttwo\n')
    heredocs = (Heredoc("one.txt", '1 "q" $V\n'), Heredoc("two", "$V\n"))
    assert _work(step).sources == (Selection("a"), *heredocs)
    assert step.node.step.instruction.heredocs == heredocs
    assert step.node.step.instruction.arguments == ("a", "<<one.txt", "<<two", "/d/")
    assert list(inputs(step)) == [("content", "0 a")]


def test_a_here_document_s_file_has_no_folder() -> None:
    for name in ("/E", "./E", "../E"):
        assert _work(last(f"COPY <<{name} /d/\nbody\n{name}\n")).sources == (Heredoc("E", "body\n"),)


def test_a_word_of_an_array_is_no_here_document() -> None:
    assert _work(last('COPY ["<<EOF", "/x"]')).sources == (Selection("<<EOF"),)


@pytest.mark.parametrize(
    ("text", "source", "value"),
    [
        (
            f"ADD --checksum={_SUM} https://example.com/d/a.tar.gz?x=1 /o/",
            RemoteFile("https://example.com/d/a.tar.gz?x=1", "a.tar.gz", _SUM),
            str(_SUM),
        ),
        (f"ADD --checksum={_SUM} http://h/ /o/", RemoteFile("http://h/", "__unnamed__", _SUM), str(_SUM)),
        (
            f"ADD https://h/r.git#{_COMMIT} /o",
            GitTree("https://h/r.git", _COMMIT, "", keep_git_dir=False),
            f"git:{_COMMIT}",
        ),
        (
            f"ADD --keep-git-dir git@h:o/r.git#{_COMMIT}:docs /o",
            GitTree("git@h:o/r.git", _COMMIT, "docs", keep_git_dir=True),
            f"git:{_COMMIT}",
        ),
        (
            f"ADD --checksum={_COMMIT} https://h/r.git#v1.0 /o",
            GitTree("https://h/r.git", _COMMIT, "", keep_git_dir=False),
            f"git:{_COMMIT}",
        ),
    ],
)
def test_remote_sources_are_keyed_by_what_they_resolve_to(text: str, source: object, value: str) -> None:
    step = last(text)
    assert _work(step).sources == (source,)
    assert list(inputs(step).values()) == [value]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("COPY a b /c", "ending with /"),
        ("COPY a <<E c\nE", "ending with /"),
        ("COPY <<d/E c/\nd/E", "no name for a file"),
        ("COPY <<.. c/\n..", "no name for a file"),
        ("COPY missing /c", "nothing matches"),
        ("COPY [x /c", "malformed"),
        ("COPY circle /c", "in a circle"),
        ("COPY --from=$x a b", "--from"),
        ("COPY --chmod=9 a b", "--chmod"),
        ("COPY --chmod=17777 a b", "--chmod"),
        ("COPY --chmod=u+q a b", "--chmod"),
        ("COPY https://h/x /y", "ADD takes URLs"),
        ("COPY https://h/x.git /y", "ADD takes URLs"),
        ("ADD https://h/x /y", "--checksum=sha256:"),
        ("ADD --checksum=md5:1 https://h/x /y", "not a digest"),
        (f"ADD --checksum={_SUM} x /y", "single URL"),
        (f"ADD --checksum={_SUM} https://h/x https://h/y /y/", "single URL"),
        ("ADD https://h/x.git /y", "full commit id"),
        ("ADD https://h/x.git#main /y", "full commit id"),
        ("ADD https://h/x.git?ref=main /y", "as a query"),
        (f"ADD --checksum={_COMMIT[:8]} https://h/x.git#{_COMMIT} /y", "full commit id"),
        (f"ADD --checksum={'f' * 40} https://h/x.git#{_COMMIT} /y", "different commits"),
        ("COPY a <<E /b/\n${x-\nE", "missing '}'"),
        # Words are split at spaces before quotes are looked at, as Docker does.
        ("COPY 'a b' c/", "closing '"),
    ],
)
def test_what_cannot_be_copied_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        last(text)
    assert caught.value.line == 2
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("WORKDIR /a/b/", "/a/b"),
        ("WORKDIR a\nWORKDIR b", "/a/b"),
        ("WORKDIR /a\nWORKDIR ../c", "/c"),
        ("WORKDIR /a\nWORKDIR $unset", "/a"),
        ("ENV D=/x\nWORKDIR $D/y", "/x/y"),
        ("WORKDIR /a b", "/a b"),
        ("WORKDIR ../../..", "/"),
    ],
)
def test_workdir_goes_from_folder_to_folder(text: str, path: str) -> None:
    step = last(text)
    assert change(step) == {"WorkingDir": path}
    assert step.work == WorkdirWork(path, "")


def test_workdir_sees_the_owner_and_if_relative_the_folder() -> None:
    text = "FROM a\nENV A=1\nUSER u\nWORKDIR /a\nWORKDIR b\n"
    absolute, relative = steps(text)[2:]
    assert absolute.node.step.context == ExecutionContext(user="u", shell=())
    assert relative.node.step.context == ExecutionContext(user="u", workdir="/a", shell=())
    assert relative.work == WorkdirWork("/a/b", "u")
