"""Variable expansion and word splitting as Docker does them in the arguments of instructions.

Like a shell's, but not a shell: no command substitution, no wildcards, and an unset variable is empty.
Source: Dockerfile reference, "Environment replacement"; the corner cases are those of BuildKit's own lexer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamella._core import PatternError
from lamella.steps.glob import remove_prefix, remove_suffix, substitute

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_NESTED = 100
"""The most substitutions inside each other."""

_SPECIAL_PARAMETERS = frozenset("@*#?-$!")


class ExpansionError(ValueError):
    """A word cannot be expanded; the message says why."""


def expand_word(word: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """Expand ``word`` into one word: variables replaced, quotes and escapes removed, inner spaces kept.

    Raises:
        ExpansionError: a quote or brace is not closed, a substitution is malformed, or ``${x:?message}`` says so.
    """
    return "".join(piece.text for piece in _Lexer(word, variables, escape).run())


def expand_words(word: str, variables: Mapping[str, str], escape: str = "\\") -> list[str]:
    """Expand ``word``, then split it at spaces that were not quoted; those that a variable brought do split.

    Raises:
        ExpansionError: as ``expand_word``.
    """
    words = [""]
    for piece in _Lexer(word, variables, escape).run():
        if piece.quoted:
            words[-1] += piece.text
            continue
        for character in piece.text:
            if character.isspace():
                words.append("")
            else:
                words[-1] += character
    return [found for found in words if found]


def expand_body(body: str, variables: Mapping[str, str]) -> str:
    """Expand the variables of a here-document: quotes mean nothing in it, and the escape is always a backslash.

    Raises:
        ExpansionError: as ``expand_word``.
    """
    return "".join(piece.text for piece in _Lexer(body, variables, "\\", quotes=False).run())


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    quoted: bool


class _Lexer:
    def __init__(self, text: str, variables: Mapping[str, str], escape: str, *, quotes: bool = True) -> None:
        self._text = text
        self._variables = variables
        self._escape = escape
        self._quotes = quotes
        self._place = 0
        self._depth = 0

    def run(self) -> list[_Piece]:
        return self._until("", keep_escapes=False)

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]

    def _next(self) -> str:
        character = self._peek()
        self._place += 1
        return character

    def _until(self, stop: str, *, keep_escapes: bool) -> list[_Piece]:
        """Read up to and over ``stop``, or to the end where it is empty."""
        pieces: list[_Piece] = []
        while character := self._next():
            if character == stop:
                return pieces
            if character == "$":
                pieces.append(_Piece(self._dollar(), quoted=False))
            elif character == "'" and self._quotes:
                pieces.append(_Piece(self._single_quoted(), quoted=True))
            elif character == '"' and self._quotes:
                pieces.append(_Piece(self._double_quoted(keep_escapes=keep_escapes), quoted=True))
            elif character == self._escape:
                pieces.append(_Piece((character if keep_escapes else "") + self._next(), quoted=True))
            else:
                pieces.append(_Piece(character, quoted=False))
        if stop:
            raise ExpansionError(f"missing '{stop}' in {self._text!r}")
        return pieces

    def _single_quoted(self) -> str:
        end = self._text.find("'", self._place)
        if end < 0:
            raise ExpansionError(f"missing closing ' in {self._text!r}")
        start, self._place = self._place, end + 1
        return self._text[start:end]

    def _double_quoted(self, *, keep_escapes: bool) -> str:
        result = ""
        while character := self._next():
            if character == '"':
                return result
            if character == "$":
                result += self._dollar()
                continue
            if character == self._escape:
                if keep_escapes:
                    result += character
                if self._peek() in {'"', "$", self._escape}:
                    character = self._next()
            result += character
        raise ExpansionError(f'missing closing " in {self._text!r}')

    def _dollar(self) -> str:
        if self._peek() != "{":
            name = self._name()
            return self._variables.get(name, "") if name else "$"
        self._next()
        name = self._name()
        if not name:
            raise ExpansionError(f"bad substitution in {self._text!r}")
        operator = self._next()
        if operator == "}":
            return self._variables.get(name, "")
        if operator == "/":
            return self._substitution(name)
        empty_is_unset = operator == ":"
        if empty_is_unset:
            operator = self._next()
        if operator not in set("+-?#%"):
            raise ExpansionError(
                f"unsupported modifier {operator!r} in {self._text!r}" if operator else self._unclosed()
            )
        word = self._joined("}", keep_escapes=operator in {"#", "%"})
        if operator in {"#", "%"}:
            return self._trimmed(name, operator, word)
        value = self._variables.get(name)
        is_set = value is not None and not (empty_is_unset and not value)
        if operator == "+":
            return word if is_set else ""
        if operator == "?" and not is_set:
            raise ExpansionError(f"{name}: {word or 'must be set' + (' and not empty' if empty_is_unset else '')}")
        return word if value is None or not is_set else value

    def _trimmed(self, name: str, operator: str, pattern: str) -> str:
        longest = pattern.startswith(operator)
        trim = remove_prefix if operator == "#" else remove_suffix
        try:
            return trim(self._variables.get(name, ""), pattern[1:] if longest else pattern, longest=longest)
        except PatternError as error:
            raise ExpansionError(str(error)) from None

    def _substitution(self, name: str) -> str:
        every = self._peek() == "/"
        if every:
            self._next()
        pattern = self._joined("/", keep_escapes=True)
        replacement = self._joined("}", keep_escapes=True)
        try:
            return substitute(self._variables.get(name, ""), pattern, replacement, every=every)
        except PatternError as error:
            raise ExpansionError(str(error)) from None

    def _joined(self, stop: str, *, keep_escapes: bool) -> str:
        self._depth += 1
        if self._depth > MAX_NESTED:
            raise ExpansionError(f"more than {MAX_NESTED} substitutions inside each other")
        joined = "".join(piece.text for piece in self._until(stop, keep_escapes=keep_escapes))
        self._depth -= 1
        return joined

    def _name(self) -> str:
        """Read a variable's name: letters, digits and ``_``; digits only where it starts with one; or one special."""
        first = self._peek()
        if first and first in _SPECIAL_PARAMETERS:
            return self._next()
        start = self._place
        while (character := self._peek()) and (
            character.isdecimal()
            if first.isdecimal()
            else character.isalpha() or character.isdecimal() or character == "_"
        ):
            self._place += 1
        return self._text[start : self._place]

    def _unclosed(self) -> str:
        return f"missing '}}' in {self._text!r}"
