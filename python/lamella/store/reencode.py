"""Makes a compressed blob again of its content, as the encoder did that its recipe names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamella._core import RecipeError, Reencoder
from lamella.store.protocol import BUFFER_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

    from lamella._core import Recipe


def reencode(
    recipe: Recipe, content: Iterable[Buffer], offset: int = 0, length: int | None = None
) -> Iterator[memoryview]:
    """Yield the bytes of a blob from ``offset`` on, at most ``length`` of them, and at most ``BUFFER_SIZE`` at once.

    All that comes before ``offset`` is made, too: nothing else tells what an encoder does next. Where the last byte is
    wanted the content is read to its end, since only there its digest is compared.

    Raises:
        RecipeError: this version does not have the encoder, or the content is not what it was.
    """
    end = recipe.size if length is None else min(offset + length, recipe.size)
    position = 0
    for made in _encode(recipe, content):
        start, position = position, position + len(made)
        yield from in_buffers(memoryview(made)[max(offset - start, 0) : max(end - start, 0)])
        if position >= end and end < recipe.size:
            return
    if position > recipe.size:
        raise RecipeError(f"the content makes more than the {recipe.size} bytes of the blob")


def in_buffers(data: Buffer) -> Iterator[memoryview]:
    """Yield bytes, at most ``BUFFER_SIZE`` at once."""
    view = memoryview(data)
    return (view[start : start + BUFFER_SIZE] for start in range(0, len(view), BUFFER_SIZE))


def _encode(recipe: Recipe, content: Iterable[Buffer]) -> Iterator[bytes]:
    try:
        encoder = Reencoder(recipe.transform, recipe.parameters)
    except ValueError as error:
        raise RecipeError(str(error)) from error
    try:
        for buffer in content:
            yield encoder.write(buffer)
        yield encoder.finish()
    except ValueError as error:
        raise RecipeError(f"the content does not fit the encoder: {error}") from error
