"""What a source of COPY selects: of the build context, or of another file system."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lamella._core import tree_digest
from lamella.layers.copy_source import copy_source, has_wildcard
from lamella.model import Digest
from lamella.steps.paths import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lamella._core import BuildContext, Entry
    from lamella.layers.tree import FileTree
    from lamella.steps.work import Selection


class ContextSelector:
    """Selects from the build context; the planner's ``ContextFiles``."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context

    def entries(self, selection: Selection) -> list[Entry]:
        """Return what is selected; raises as ``BuildContext.copy_source``."""
        return _select(self._context.copy_source, selection)

    def each_match(self, selection: Selection) -> list[Selection]:
        """Return a selection of its own for each file and folder that a wildcard matches; raises as above."""
        return [replace(selection, source=literal(path)) for path in self._context.matches(selection.source)]

    def digest(self, selection: Selection, *, apart: bool = False) -> Digest:
        """Return the content digest of what is selected; raises as above.

        With ``apart``, that of the digests of what each match selects; of one match, or without wildcards, its own.
        """
        if not apart or not has_wildcard(selection.source):
            return Digest(tree_digest(self.entries(selection)))
        digests = [tree_digest(self.entries(each)) for each in self.each_match(selection)]
        return Digest(digests[0]) if len(digests) == 1 else Digest.of(b"".join(digests))


def select_from_tree(tree: FileTree, selection: Selection) -> list[Entry]:
    """Return what is selected of a file system; raises as ``copy_source``."""
    return _select(partial(copy_source, tree), selection)


def _select(copy: Callable[[str, Sequence[str]], list[Entry]], selection: Selection) -> list[Entry]:
    if not selection.parents:
        return copy(selection.source, selection.exclude)
    # Everything below the pivot but what the source names, so that each file keeps its path relative to the pivot.
    others = [] if selection.source == "." else ["**", f"!{selection.source}"]
    entries = copy(selection.pivot, [*others, *selection.exclude])
    if all(not entry.path for entry in entries) and not has_wildcard(selection.source):
        raise FileNotFoundError(f"{selection.source}: no such file or folder below {selection.pivot}")
    return entries
