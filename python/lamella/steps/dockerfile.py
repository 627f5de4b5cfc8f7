"""Reading a Dockerfile into instructions, with the lines they stand on; nothing is expanded yet.

The only module that uses BuildKit's parser, which brings a Go runtime into the process; it is loaded when first used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lamella.errors import DockerfileError
from lamella.model import Form
from lamella.steps.flags import FlagError, Flags
from lamella.steps.heredoc import parse_heredoc_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerfile import Command

MAX_DOCKERFILE = 1 << 20
"""The largest Dockerfile, and the largest ``.dockerignore``, in bytes."""

_AT_LEAST_ONE = frozenset({"ARG", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN", "SHELL", "VOLUME"})
_EXACTLY_ONE = frozenset({"MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"})
_AT_LEAST_TWO = frozenset({"ADD", "COPY"})
_INSTRUCTIONS = _AT_LEAST_ONE | _EXACTLY_ONE | _AT_LEAST_TWO | {"CMD", "ENTRYPOINT"}
_NO_TRIGGER = frozenset({"FROM", "MAINTAINER", "ONBUILD"})
_UNTERMINATED = "unterminated heredoc"
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*\Z")
_DIRECTIVES = frozenset({"check", "escape", "syntax"})


@dataclass(frozen=True, slots=True)
class RawHeredoc:
    """A here-document as written: the body still has its tabs and variables."""

    name: str
    body: str


@dataclass(frozen=True, slots=True)
class ParsedInstruction:
    """An instruction as written, with the upper-case ``name``.

    ``text`` is the instruction on one line, less comments and continuations. ``words`` are unexpanded, with their
    quotes; ENV and LABEL alternate names and values; RUN, CMD and ENTRYPOINT in shell form have one, the command line.
    ``heredocs`` belong in order to the words that begin them. ``trigger`` is the instruction that ONBUILD keeps.
    """

    name: str
    line: int
    end_line: int
    text: str
    words: tuple[str, ...]
    form: Form = Form.SHELL
    flags: Flags = field(default_factory=lambda: Flags(""))
    heredocs: tuple[RawHeredoc, ...] = ()
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class ParsedDockerfile:
    """A Dockerfile's instructions, at least one, and its escape character, which ``# escape=`` sets."""

    file: str
    escape: str
    instructions: tuple[ParsedInstruction, ...]


def parse_dockerfile(content: bytes, file: str = "Dockerfile") -> ParsedDockerfile:
    """Read a Dockerfile; ``file`` is its name in errors.

    Raises:
        DockerfileError: it is too large, not UTF-8, or not a Dockerfile: an unknown instruction or flag, missing
            arguments, an unterminated here-document ...
    """
    if len(content) > MAX_DOCKERFILE:
        raise DockerfileError(file, 1, f"the file has {len(content)} bytes, more than {MAX_DOCKERFILE}")
    if b"\0" in content:
        raise DockerfileError(file, _line_of(content, content.index(b"\0")), "a NUL byte")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DockerfileError(file, _line_of(content, error.start), "not UTF-8 text") from None
    lines = text.split("\n")
    escape = _read_directives(lines, file)
    instructions = tuple(_convert(command, lines, escape, file) for command in _parse(lines, file))
    return ParsedDockerfile(file, escape, instructions)


def parse_trigger(expression: str, file: str, line: int) -> ParsedInstruction:
    """Read what ONBUILD kept, as an instruction on ``line``, that of the FROM which it runs after.

    Raises:
        DockerfileError: it is not one instruction that may be a trigger.
    """
    try:
        parsed = parse_dockerfile(expression.encode(), file)
        _check_trigger([instruction.name for instruction in parsed.instructions], file, line)
    except (DockerfileError, UnicodeEncodeError) as error:
        reason = error.reason
        raise DockerfileError(file, line, f"the base image's ONBUILD {expression[:200]!r}: {reason}") from None
    return replace(parsed.instructions[0], line=line, end_line=line)


def _line_of(content: bytes, offset: int) -> int:
    return content.count(b"\n", 0, offset) + 1


def _read_directives(lines: list[str], file: str) -> str:
    """Return the escape character, and make ``lines`` say it in the one way that the parser understands."""
    seen: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match = _DIRECTIVE.match(line.strip())
        if match is None or (name := match[1].lower()) not in _DIRECTIVES:
            break
        if name in seen:
            raise DockerfileError(file, number, f"the directive {name} is given twice")
        seen[name] = match[2]
        if name == "escape" and match[2] not in {"\\", "`"}:
            raise DockerfileError(file, number, f"the escape character is \\ or `, not {match[2]!r}")
    for number in range(len(seen)):
        lines[number] = "#"
    if "escape" in seen:
        lines[0] = f"# escape={seen['escape']}"
    return seen.get("escape", "\\")


def _parse(lines: Sequence[str], file: str) -> tuple[Command, ...]:
    import dockerfile  # noqa: PLC0415 - starts a Go runtime, which only a build needs

    try:
        return dockerfile.parse_string("\n".join(lines))
    except dockerfile.GoParseError as error:
        raise DockerfileError(file, _failing_line(lines, str(error)), str(error)) from None
    except UnicodeDecodeError as error:  # it splits the word after HEALTHCHECK within a character
        raise DockerfileError(
            file, _failing_line(lines, str(error)), "a word with characters that are not ASCII"
        ) from None


def _failing_line(lines: Sequence[str], reason: str) -> int:
    """Return the line of a parse error, which the parser does not tell: the first one that no prefix parses with."""
    # A here-document that does not end is read to the end each time: so only where one may begin.
    in_heredoc = _UNTERMINATED in reason
    import dockerfile  # noqa: PLC0415 - as above

    for count in range(len(lines) - 1, 0, -1):
        if in_heredoc and "<<" not in lines[count]:
            continue
        try:
            dockerfile.parse_string("\n".join(lines[:count]))
        except (dockerfile.GoParseError, UnicodeDecodeError) as error:
            if "no instructions" not in str(error):
                in_heredoc = in_heredoc and _UNTERMINATED in str(error)
                continue
        for number, line in enumerate(lines[count:], start=count + 1):
            if line.strip() and not line.lstrip().startswith("#"):
                return number
    return 1


def _convert(command: Command, lines: Sequence[str], escape: str, file: str) -> ParsedInstruction:
    name, line = _name(command), command.start_line
    if name not in _INSTRUCTIONS:
        raise DockerfileError(file, line, f"unknown instruction: {name[:100]}")
    if name == "ONBUILD":
        return _convert_trigger(command, lines, escape, file)
    try:
        flags = Flags(name, [_read_flag(flag) for flag in command.flags])
    except FlagError as error:
        raise DockerfileError(file, line, str(error)) from None
    instruction = ParsedInstruction(
        name=name,
        line=line,
        end_line=command.end_line,
        text=(command.original or "").strip(),
        words=command.value,
        form=Form.EXEC if command.json else Form.SHELL,
        flags=flags,
        heredocs=tuple(RawHeredoc(heredoc.name, heredoc.content) for heredoc in command.heredocs),
    )
    _check_words(instruction, file)
    return instruction


def _read_flag(flag: str) -> str:
    """Return a flag in which the parser has taken each byte for a character."""
    try:
        return flag.encode("latin-1").decode()
    except UnicodeError:
        raise FlagError(f"{flag.partition('=')[0]} needs quotes around characters that are not ASCII") from None


def _name(command: Command) -> str:
    return (command.cmd or "").upper()  # None for a line that holds nothing but the escape character


def _check_words(instruction: ParsedInstruction, file: str) -> None:
    name, words, line = instruction.name, instruction.words, instruction.line
    if name in _AT_LEAST_ONE and not words:
        raise DockerfileError(file, line, f"{name} needs at least one argument")
    if name in {"CMD", "ENTRYPOINT"} and not words and instruction.form is Form.SHELL:
        raise DockerfileError(file, line, f"{name} needs a command, or [] for none")
    if name in _EXACTLY_ONE and (len(words) != 1 or not words[0]):
        raise DockerfileError(file, line, f"{name} needs exactly one argument")
    if name in _AT_LEAST_TWO and len(words) < 2:
        raise DockerfileError(file, line, f"{name} needs at least one source and a destination")
    if name == "SHELL" and instruction.form is not Form.EXEC:
        raise DockerfileError(file, line, 'SHELL needs a JSON array, such as ["/bin/bash", "-c"]')
    if name in _AT_LEAST_TWO:
        started = [] if instruction.form is Form.EXEC else [parse_heredoc_token(word) for word in words]
        if any(started[-1:]):
            raise DockerfileError(file, line, f"the destination of {name} cannot be a here-document")
        if [token.name for token in started if token] != [heredoc.name for heredoc in instruction.heredocs]:
            raise DockerfileError(file, line, "the here-documents do not match the words that begin them")


def _convert_trigger(command: Command, lines: Sequence[str], escape: str, file: str) -> ParsedInstruction:
    # The parser drops the flags and here-documents of what follows ONBUILD, so that is parsed again, on its own.
    continued = rf"(?:\s|{re.escape(escape)}[ \t]*\n)"
    written = "\n".join(lines[command.start_line - 1 : command.end_line])
    rest = re.sub(rf"\A{continued}*onbuild{continued}*", "", written, flags=re.IGNORECASE)
    try:
        commands = _parse([f"# escape={escape}", rest], file)
        _check_trigger([_name(each) for each in commands], file, command.start_line)
        trigger = _convert(commands[0], lines, escape, file)
    except DockerfileError as error:
        raise DockerfileError(file, command.start_line, f"ONBUILD: {error.reason}") from None
    return ParsedInstruction(
        name="ONBUILD",
        line=command.start_line,
        end_line=command.end_line,
        text=f"ONBUILD {trigger.text}",
        words=(trigger.text,),
        trigger=trigger.text,
    )


def _check_trigger(names: Sequence[str], file: str, line: int) -> None:
    if len(names) != 1:
        raise DockerfileError(file, line, "not a single instruction")
    if names[0] in _NO_TRIGGER:
        raise DockerfileError(file, line, f"{names[0]} cannot be an ONBUILD trigger")
