"""Files of recipes, and who is reading a blob that is rebuilt from one."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from lamella._core import Recipe, RecipeError, sync_directory
from lamella.store.try_lock import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lamella._core import BlobFile
    from lamella.model import Digest
    from lamella.store.layout import Layout

logger = logging.getLogger(__name__)


class OpenRecipe:
    """A recipe whose chunks stay for as long as it is open, even if its blob is deleted meanwhile.

    Its file is locked (``flock``) shared, which whoever collects garbage looks at.
    """

    def __init__(self, recipe: Recipe, descriptor: int) -> None:
        self.recipe = recipe
        self._descriptor = descriptor

    def close(self) -> None:
        """Let the chunks go."""
        os.close(self._descriptor)


class Recipes:
    """Every method blocks. A blob's folder lock (``locked_folder``) covers its recipe, too."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def open(self, digest: Digest) -> OpenRecipe:
        """Read the recipe of a blob.

        Raises:
            FileNotFoundError: there is none.
            RecipeError: it is damaged, or that of another blob.
        """
        descriptor = os.open(self._layout.recipe(digest), os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            return OpenRecipe(self._read(digest, descriptor), descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def _read(self, digest: Digest, descriptor: int) -> Recipe:
        path = self._layout.recipe(digest)
        if os.fstat(descriptor).st_nlink == 0:
            raise FileNotFoundError(path)
        with open(descriptor, "rb", closefd=False) as file:
            recipe = Recipe(file.read())
        if recipe.digest != digest.raw:
            raise RecipeError(f"{path} is the recipe of sha256:{recipe.digest.hex()}")
        return recipe

    def chunks(self, digest: Digest) -> bytes:
        """Return the digests of a recipe's chunks, 32 bytes each; none where there is no recipe that can be read."""
        try:
            with closing(self.open(digest)) as opened:
                return opened.recipe.chunks()
        except FileNotFoundError:
            return b""
        except RecipeError:
            logger.exception("the recipe of %s keeps no chunks", digest)
            return b""

    def publish(self, digest: Digest, draft: BlobFile) -> bool:
        """Give a recipe whose bytes are on the disk its name, durably; False where an earlier one is being read.

        The caller holds the folder lock of the blob alone, and knows that the blob is not cold.

        Raises:
            OSError: the name could not be made, or not be made durable.
        """
        if not self.discard(digest):
            return False
        path = self._layout.recipe(digest)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft.publish(path)
        sync_directory(path.parent)
        # Also where the folder was there: who made it may have been killed before it came to this.
        sync_directory(path.parent.parent)
        return True

    def names(self) -> Iterator[list[Path]]:
        """Yield the recipes there are, folder by folder, in the order of their names."""
        for folder in sorted(self._layout.recipes.iterdir()):
            yield sorted(folder.iterdir())

    def discard(self, digest: Digest) -> bool:
        """Remove the recipe of a blob that is not cold; False where it stays since somebody reads it."""
        with self.alone(digest) as alone:
            if alone:
                self._layout.recipe(digest).unlink(missing_ok=True)
            return alone

    def is_read(self, digest: Digest) -> bool:
        """Tell whether somebody, in this process or another, reads a blob by its recipe."""
        with self.alone(digest) as alone:
            return not alone

    @contextmanager
    def alone(self, digest: Digest) -> Iterator[bool]:
        """Lock a recipe alone, if it is there, and tell whether that was possible."""
        try:
            descriptor = os.open(self._layout.recipe(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield True
            return
        try:
            yield try_lock(descriptor)
        finally:
            os.close(descriptor)
