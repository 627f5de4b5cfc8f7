"""Reading Dockerfiles: lines, spelling, here-documents, and errors that name the line."""

from __future__ import annotations

import subprocess
import sys

import dockerfile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella.errors import DockerfileError
from lamella.model import Form
from lamella.steps.dockerfile import MAX_DOCKERFILE, ParsedInstruction, parse_dockerfile
from lamella.steps.heredoc import HeredocToken, parse_heredoc_token, strip_tabs
from tests.unit.steps.support import steps


def _parse(text: str) -> tuple[ParsedInstruction, ...]:
    return parse_dockerfile(text.encode()).instructions


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "no instructions"),
        ("# nothing\n\n", 1, "no instructions"),
        ("FROM a\nFOO x\n", 2, "unknown instruction: FOO"),
        ("FROM a\n\n# c\nENV\n", 4, "ENV needs at least one argument"),
        ("FROM a\nENV a\n", 2, "ENV must have two arguments"),
        ("FROM a\nRUN x\n\n# c\nENV a=b \\\n  c\nRUN y\n", 6, "can't find ="),
        ("FROM a\nRUN x\nRUN <<EOF\nhi\n\n", 3, "unterminated heredoc"),
        ("FROM a\nRUN <<A\nx\nA\nENV b\nRUN <<A\nx\nA\n", 5, "ENV must have two"),
        ("FROM a\nRUN [1, 2]\n", 2, "strings only"),
        ("FROM a\nRUN\n", 2, "RUN needs"),
        ("FROM a\nRUN []\n", 2, "RUN needs"),
        ("FROM a\nCMD\n", 2, "CMD needs"),
        ("FROM a\nENTRYPOINT\n", 2, "ENTRYPOINT needs"),
        ("FROM a\nSHELL sh -c\n", 2, "JSON array"),
        ("FROM a\nSHELL []\n", 2, "SHELL needs"),
        ("FROM a\nUSER\n", 2, "exactly one"),
        ("FROM a\nWORKDIR\n", 2, "exactly one"),
        ("FROM a\nSTOPSIGNAL\n", 2, "exactly one"),
        ("FROM a\nARG\n", 2, "at least one"),
        ("FROM a\nEXPOSE\n", 2, "at least one"),
        ("FROM a\nVOLUME\n", 2, "at least one"),
        ("FROM a\nHEALTHCHECK\n", 2, "at least one"),
        ("FROM a\nLABEL\n", 2, "at least one"),
        ("FROM a\nCOPY a\n", 2, "source and a destination"),
        ("FROM a\nADD []\n", 2, "source and a destination"),
        ("FROM a\nCOPY a <<EOF\nx\nEOF\n", 2, "destination"),
        ("FROM a\nCOPY --form=x a b\n", 2, "no flag --form"),
        ("FROM a\nCOPY --from=x --from=y a b\n", 2, "twice"),
        ("FROM a\nCOPY --from a b\n", 2, "needs a value"),
        ("FROM a\nCOPY --link=maybe a b\n", 2, "true or false"),
        ("FROM a\nADD --from=x a b\n", 2, "no flag --from"),
        ("FROM a\nENV --x=y a=b\n", 2, "it has none"),
        ("FROM a\nONBUILD\n", 2, "ONBUILD: "),
        ("FROM a\nONBUILD ONBUILD RUN x\n", 2, "ONBUILD cannot be"),
        ("FROM a\nONBUILD FROM x\n", 2, "FROM cannot be"),
        ("FROM a\nONBUILD MAINTAINER x\n", 2, "MAINTAINER cannot be"),
        ("FROM a\nONBUILD FOO x\n", 2, "unknown instruction: FOO"),
        ("FROM a\nONBUILD COPY a\n", 2, "source and a destination"),
        ("FROM a\nONBUILD ENV a\n", 2, "ENV must have two"),
        ("FROM a\nRUN a\0b\n", 2, "NUL"),
        ("FROM a\nCOPY --chown=à a b\n", 2, "--chown needs quotes"),
        ("FROM a\nHEALTHCHECK à\nRUN x\n", 2, "not ASCII"),
        ("# escape=x\nFROM a\n", 1, "escape character"),
        ("# syntax=a\n# syntax=b\nFROM a\n", 2, "twice"),
        ("FROM a\nRUN " + "x" * 70_000 + "\n", 2, "max allowed size"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_dockerfile(text.encode(), "sub/Dockerfile")
    assert caught.value.line == line
    assert reason in caught.value.reason
    assert str(caught.value).startswith(f"sub/Dockerfile:{line}: ")


@pytest.mark.parametrize("start", ["COPY <<E /x", "COPY \\\n <<E /x", "COPY \\\n# comment\n <<E \\\n /x"])
def test_where_a_here_document_that_does_not_end_begins_is_found_soon(
    monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    parse = dockerfile.parse_string
    calls = []

    def count(text: str) -> object:
        calls.append(text)
        return parse(text)

    monkeypatch.setattr(dockerfile, "parse_string", count)
    text = f"FROM a\nCOPY <<E /y\nx\nE\n\n{start}\n" + "RUN a\n" * 500
    with pytest.raises(DockerfileError, match="unterminated heredoc") as caught:
        parse_dockerfile(text.encode())
    assert "<<E" in text.split("\n")[caught.value.line - 1]
    assert caught.value.line >= 6
    assert len(calls) < 10


def test_flags_may_have_any_characters() -> None:
    text = 'FROM a\nCOPY --exclude=*.é --exclude="à …" --chown=ö a /b\n'
    flags = parse_dockerfile(text.encode()).instructions[1].flags
    assert (flags.list("exclude"), flags.text("chown")) == (("*.é", "à …"), "ö")
    assert parse_dockerfile("FROM a\nONBUILD COPY --chown=é a b\n".encode()).instructions[1].trigger


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(DockerfileError, match="Dockerfile:3: not UTF-8"):
        parse_dockerfile(b"FROM a\n\nRUN \xff\n")
    with pytest.raises(DockerfileError, match="more than"):
        parse_dockerfile(b"#" * (MAX_DOCKERFILE + 1))


def test_lines_text_and_form_are_kept() -> None:
    from_, run, cmd = _parse('# c\nFROM a AS b\n\nrun echo \\\n# inside\n  hi\nCMD [ "x" ]\n')
    assert (from_.name, from_.line, from_.end_line, from_.words) == ("FROM", 2, 2, ("a", "AS", "b"))
    assert (run.name, run.line, run.end_line, run.text) == ("RUN", 4, 6, "run echo   hi")
    assert (cmd.words, cmd.form, run.form) == (("x",), Form.EXEC, Form.SHELL)


@pytest.mark.parametrize(
    ("text", "escape"),
    [
        ("FROM a\n", "\\"),
        ("# escape=`\nFROM a\n", "`"),
        ("# syntax=docker/dockerfile:1\n#ESCAPE = ` \nFROM a\n", "`"),
        ("# check=skip=all\n# escape=`\nFROM a\n", "`"),
        ("\ufeff# escape=`\nFROM a\n", "`"),
        ("# a comment\n# escape=`\nFROM a\n", "\\"),
        ("\n# escape=`\nFROM a\n", "\\"),
        ("FROM a\n# escape=`\n", "\\"),
    ],
)
def test_the_escape_directive_counts_only_at_the_top(text: str, escape: str) -> None:
    parsed = parse_dockerfile((text + "RUN a `\n").encode())
    assert parsed.escape == escape
    assert parsed.instructions[-1].words == ("a" if escape == "`" else "a `",)


def test_here_documents_are_kept_as_written() -> None:
    _, copy, run = _parse('FROM a\nCOPY <<"A" <<-B x /d/\n1\nA\n\t2 \\\n\tB\nRUN cat <<C\nC\n')
    assert [(heredoc.name, heredoc.body) for heredoc in copy.heredocs] == [("A", "1\n"), ("B", "\t2 \\\n")]
    assert [(heredoc.name, heredoc.body) for heredoc in run.heredocs] == [("C", "")]


@pytest.mark.parametrize(
    ("word", "token"),
    [
        ("<<EOF", HeredocToken("EOF", expands=True, strips_tabs=False)),
        ("<<-EOF", HeredocToken("EOF", expands=True, strips_tabs=True)),
        ('<<"EOF"', HeredocToken("EOF", expands=False, strips_tabs=False)),
        ("<<-'EOF'", HeredocToken("EOF", expands=False, strips_tabs=True)),
        ('<<E"O"F', HeredocToken("EOF", expands=False, strips_tabs=False)),
        ("3<<EOF", HeredocToken("EOF", expands=True, strips_tabs=False)),
        ("<<a.txt", HeredocToken("a.txt", expands=True, strips_tabs=False)),
        ("<<", None),
        ("<<<word", None),
        ("<<EOF cat", None),
        ("cat <<EOF", None),
        ('<<"EOF', None),
        ("EOF", None),
    ],
)
def test_the_beginning_of_a_here_document_is_told_from_other_words(word: str, token: HeredocToken | None) -> None:
    assert parse_heredoc_token(word) == token


def test_only_leading_tabs_are_stripped() -> None:
    assert strip_tabs("\t\ta\tb\n \tc\n\n\td") == "a\tb\n \tc\n\nd"


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ("ONBUILD RUN a", "RUN a"),
        ("onbuild run a", "run a"),
        ("ONBUILD \\\n  RUN a \\\n  b", "RUN a   b"),
        ("ONBUILD COPY --from=x --chown=1 a b", "COPY --from=x --chown=1 a b"),
        ("ONBUILD RUN <<-EOF\n\thi\n\tEOF", "RUN <<-EOF\n\thi\nEOF"),
    ],
)
def test_a_trigger_is_kept_whole(text: str, trigger: str) -> None:
    instruction = _parse(f"FROM a\n{text}\nRUN after\n")[1]
    assert instruction.trigger == trigger
    assert (instruction.line, instruction.end_line) == (2, 2 + text.count("\n"))


def test_the_escape_directive_counts_in_triggers() -> None:
    instruction = _parse("# escape=`\nFROM a\nONBUILD RUN a `\n  \\b\n")[1]
    assert instruction.trigger == "RUN a   \\b"


_PLAIN = 'FROM a\nENV A=1 B="x y"\nCOPY --chown=1 a b /c/\nRUN make A\nLABEL d=e\nCMD ["x", "y"]\n'
_OTHER_SPELLINGS = {
    "case": _PLAIN.replace("ENV", "env").replace("COPY", "Copy").replace("RUN", "run").replace("CMD", "cMd"),
    "comments": _PLAIN.replace("\n", "\n# comment\n\n   # another\n"),
    "continuations": _PLAIN.replace("ENV A=1 ", "ENV A=1 \\\n").replace(
        "COPY --chown=1 a", "COPY --chown=1 \\\n a\\\n "
    ),
    "spaces": _PLAIN.replace("ENV A=1 ", "  ENV   A=1\t ").replace("a b /c/", "a   b\t/c/ ").replace(", ", ",   "),
    "directives": "# syntax=docker/dockerfile:1\n# check=skip=all\n" + _PLAIN,
    "line ends": _PLAIN.replace("\n", "\r\n"),
    "quotes": _PLAIN.replace('"x y"', "x\\ y").replace("d=e", "'d'=\"e\""),
    "empty continuation": _PLAIN.replace("ENV A=1 ", "ENV A=1 \\\n\n  # inside\n"),
}


@pytest.mark.parametrize("text", _OTHER_SPELLINGS.values(), ids=_OTHER_SPELLINGS.keys())
def test_spelling_is_not_in_the_key(text: str) -> None:
    assert [step.node for step in steps(text)] == [step.node for step in steps(_PLAIN)]


@given(st.lists(st.sampled_from(["", "  ", "# c", "\t# RUN x"]), min_size=6, max_size=6), st.data())
def test_comments_and_blank_lines_are_nowhere_in_the_key(between: list[str], data: st.DataObject) -> None:
    lines = _PLAIN.splitlines()
    text = "".join(f"{line}\n{extra}\n" for line, extra in zip(lines, between, strict=True))
    assert [step.node for step in steps(text)] == [step.node for step in steps(_PLAIN)]


@given(st.text(max_size=80) | st.text("FROMRUNENVCOPY \\\n<E=\"'[],#`$-", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    line = 1
    try:
        line = parse_dockerfile(text.encode()).instructions[-1].end_line
    except DockerfileError as error:
        line = error.line
    assert 1 <= line <= text.count("\n") + 1


def test_the_parser_is_not_loaded_for_keys() -> None:
    code = "import lamella.steps.resolve, lamella.steps.commit, sys; sys.exit('dockerfile' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
