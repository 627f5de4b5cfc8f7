"""Here-documents: what the ``<<-"NAME"`` that begins one says about its body."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lamella.steps.expand import ExpansionError, expand_words

_TOKEN = re.compile(r"\d*<<(-?)([^<]+)\Z", re.DOTALL)
_QUOTE = re.compile(r"(?<!\\)['\"]")


@dataclass(frozen=True, slots=True)
class HeredocToken:
    """A name; whether variables in the body are expanded (no quotes in the name); whether tabs are stripped (``-``)."""

    name: str
    expands: bool
    strips_tabs: bool


def parse_heredoc_token(word: str) -> HeredocToken | None:
    """Read ``<<NAME``, ``<<-NAME``, ``<<"NAME"`` or ``3<<NAME``; None where ``word`` is nothing of the kind."""
    match = _TOKEN.match(word)
    if match is None:
        return None
    try:
        names = expand_words(match[2], {})
    except ExpansionError:
        return None
    if len(names) != 1:
        return None
    return HeredocToken(names[0], expands=_QUOTE.search(match[2]) is None, strips_tabs=match[1] == "-")


def strip_tabs(body: str) -> str:
    """Remove the leading tabs of every line."""
    return re.sub(r"^\t+", "", body, flags=re.MULTILINE)
