"""Native hashing, tar streams and layer files.

Everything here releases the GIL while it works and raises before it changes anything where an argument is wrong.
Digests are 32 raw bytes. Paths inside layers and contexts are POSIX paths with ``surrogateescape`` for bytes that are
not UTF-8 (``os.fsencode`` gives back the exact bytes). File system errors are ``OSError`` with the path.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Literal, Self, TypeAlias, final

from typing_extensions import Buffer

__all__ = [
    "BlobFile",
    "BuildContext",
    "ChunkBatch",
    "Chunker",
    "ContentChanged",
    "DigestSet",
    "Entry",
    "LayerContent",
    "LayerError",
    "LayerReader",
    "LayerWriter",
    "PackWriter",
    "PatternError",
    "Recipe",
    "RecipeError",
    "RecipeReader",
    "Reencoder",
    "Sha256",
    "chunk_recipe",
    "decompress_layer",
    "detect_compression",
    "find_encoder",
    "hash_file",
    "hash_files",
    "limit_arenas",
    "match_patterns",
    "match_wildcards",
    "read_chunks",
    "read_pack_footer",
    "sha256",
    "sync_directory",
    "tree_digest",
    "verify_pack",
]

_Path: TypeAlias = str | PathLike[str]

_Kind: TypeAlias = Literal["file", "directory", "symlink", "hardlink", "character", "block", "fifo"]
_Compression: TypeAlias = Literal["none", "gzip", "zstd"]

class LayerError(ValueError):
    """A layer is malformed or exceeds a limit; the message names the offset in the uncompressed tar and the entry."""

class PatternError(ValueError):
    """A pattern is malformed: of ``.dockerignore``, ``--exclude``, COPY or ``${x#pattern}``; the message quotes it."""

class ContentChanged(ValueError):
    """A file no longer has the content that its entry was hashed with; the message names the path."""

class RecipeError(ValueError):
    """A pack or a recipe is damaged or malformed; the message names the offset in its file."""

    digest: bytes | None
    """The chunk that cannot be had, or None where the pack or recipe itself is damaged."""

# --- hashing -------------------------------------------------------------------------------------------------------

@final
class Sha256:
    """A streaming SHA-256 whose state can be kept and resumed (FIPS 180-4)."""

    def __new__(cls) -> Self: ...
    def update(self, data: Buffer) -> None:
        """Hash more bytes."""
    def digest(self) -> bytes:
        """Return the digest of everything so far; more may follow."""

def sha256(data: Buffer) -> bytes:
    """Return the digest of a buffer."""

def hash_file(path: _Path) -> tuple[bytes, int]:
    """Return a file's digest and size in bytes."""

def hash_files(paths: Sequence[_Path], threads: int = 0) -> list[tuple[bytes, int]]:
    """Return digest and size of many files, in their order, on at most ``threads`` threads (0: one a core).

    Raises:
        OSError: for the first file, in their order, that cannot be read.
    """

@final
class DigestSet:
    """Many digests in little memory: about 35 bytes for one, of which it keeps the first half.

    ``digests`` are 32 raw bytes each, one after the other.
    """

    def __new__(cls) -> Self: ...
    def add(self, digests: Buffer) -> bytes:
        """Add digests and return those that were not there, each once, in the order given.

        Raises:
            ValueError: a digest is cut short.
        """

    def absent(self, digests: Buffer) -> bytes:
        """Return the digests that are not there, in the order given.

        Raises:
            ValueError: a digest is cut short.
        """

    def __len__(self) -> int:
        """Return how many digests there are."""

# --- blob files ----------------------------------------------------------------------------------------------------

@final
class BlobFile:
    """Bytes on their way to disk, hashed as they are written.

    Without ``path`` the file has no name until it is published (``O_TMPFILE``; where the file system has none, a name
    that starts with ``.tmp-`` in ``directory``, removed on close). With ``path`` the file has that name from the start,
    outlives the process, and is continued where it ends: ``close`` notes the hash in the extended attribute
    ``user.lamella.sha256``; without that note, the bytes are hashed again on opening. A write or sync that
    failed (``OSError``) leaves a file that can only be closed, and is then removed. Every call on a closed file but
    ``close`` raises ``ValueError``.

    Raises:
        BlockingIOError: another process or object has the file ``path`` open.
    """

    def __new__(cls, directory: _Path, path: _Path | None = None) -> Self: ...
    @property
    def size(self) -> int:
        """Bytes in the file."""
    def write(self, data: Buffer) -> int:
        """Append and hash bytes; return the new size."""
    def receive(self, descriptor: int, most: int, patience: float, turn: float) -> int | None:
        """Append and hash what a non-blocking socket or a pipe has, up to ``most`` bytes; return how many it were.

        0 means that it has ended or failed, None that nothing came for ``patience`` seconds, which is how long it waits
        at most for each further byte. After ``turn`` seconds it returns with what came. The descriptor must stay open
        until then. An ``OSError`` is the file's.
        """
    def digest(self) -> bytes:
        """Return the digest of everything so far."""
    def sync(self) -> None:
        """Make the bytes durable (fsync). After an error the file must be closed: a second try would lie."""
    def publish(self, path: _Path) -> bool:
        """Give the file its final name without ever replacing another; False where the name exists already.

        The file is closed in either case, and loses any other name it had. The directory is not synced. After an
        ``OSError`` the file is still open, so that a missing directory can be made.
        """
    def close(self, keep: bool = False) -> None:
        """Close the file and remove it, or keep it if it has a name of its own and ``keep`` is true."""

def sync_directory(path: _Path) -> None:
    """Make the names in a directory durable (fsync)."""

def limit_arenas(most: int) -> bool:
    """Let the process's allocator make at most so many arenas from now on; False where it has none (musl).

    Arenas that are there stay, so the time for it is before there are threads.
    """

# --- trees and layers ----------------------------------------------------------------------------------------------

@final
class Entry:
    """One entry of a tree: of a layer, or of what a COPY copies.

    ``path`` is relative, without leading or trailing slash or ``.``/``..`` parts where it comes from a context; from a
    layer it is as stored, less leading ``./`` and ``/`` and trailing ``/``. ``mode`` has the permission bits only
    (0o7777). ``digest`` and ``size`` are those of a file's content (for sparse files, expanded), None and 0 otherwise.
    ``link_target`` is as stored, for symlinks and hard links. ``source`` is the file on this machine that holds the
    content, from ``offset`` on, or None where the content cannot be had directly (compressed layers, sparse files).
    """

    def __new__(
        cls,
        path: str,
        kind: _Kind,
        *,
        mode: int = 0o755,
        uid: int = 0,
        gid: int = 0,
        size: int = 0,
        link_target: str | None = None,
        xattrs: dict[str, bytes] = ...,
        digest: bytes | None = None,
        source: str | None = None,
        offset: int = 0,
        device: tuple[int, int] | None = None,
    ) -> Self: ...
    @property
    def path(self) -> str: ...
    @property
    def kind(self) -> _Kind: ...
    @property
    def mode(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def gid(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def link_target(self) -> str | None: ...
    @property
    def xattrs(self) -> dict[str, bytes]: ...
    @property
    def digest(self) -> bytes | None: ...
    @property
    def source(self) -> str | None: ...
    @property
    def offset(self) -> int:
        """Where the content starts: in ``source`` where there is one, otherwise in the uncompressed tar; in bytes."""
    @property
    def device(self) -> tuple[int, int] | None:
        """Major and minor number of a character or block device."""
    def replace(
        self, *, path: str | None = None, mode: int | None = None, uid: int | None = None, gid: int | None = None
    ) -> Entry:
        """Return the same entry with some fields changed."""

def tree_digest(entries: Sequence[Entry]) -> bytes:
    """Return the content digest of a tree: see ``docs/formats.md``, "Tree digest".

    The order of ``entries`` does not matter; times, inodes and sources do not either.

    Raises:
        ValueError: two entries have one path, or a file has no digest.
    """

@final
class LayerReader:
    """One pass over a layer file, plain, gzip or zstd (told by its first bytes): every entry, and every digest.

    ``diff_id``, ``digest``, ``size`` (stored bytes), ``tar_size`` (uncompressed bytes) are known once ``next_batch``
    has returned an empty list; before that they raise ``ValueError``. Memory stays bounded whatever the layer's size.
    """

    def __new__(cls, path: _Path) -> Self: ...
    def next_batch(self, limit: int = 512) -> list[Entry]:
        """Return up to ``limit`` further entries in their stored order; empty at the end of the layer.

        Raises:
            LayerError: the layer is malformed; the reader stays at this error.
        """
    @property
    def compression(self) -> _Compression: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def diff_id(self) -> bytes: ...
    @property
    def size(self) -> int: ...
    @property
    def tar_size(self) -> int: ...

@final
class LayerContent:
    """The uncompressed bytes of a layer file, plain, gzip or zstd (told by its first bytes), in one pass.

    ``digest`` and ``size`` are those of the file, ``content_digest`` and ``content_size`` those of what it holds; all
    four are known once ``read`` has returned None, and before that raise ``ValueError``. A layer holds 64 GiB at most.
    Reading and decompressing run ahead on threads of their own; memory is about 8 MiB. Use it from one thread at a
    time.

    Raises:
        OSError: the file cannot be opened.
    """

    def __new__(cls, path: _Path) -> Self: ...
    def read(self) -> bytes | None:
        """Return the next bytes, at most 1 MiB; None at the end.

        Raises:
            LayerError: the compressed bytes are damaged, or hold too much.
            OSError: the file cannot be read.
            ValueError: it is closed, or an earlier call failed.
        """
    def close(self) -> None:
        """Stop reading ahead, and close the file."""
    @property
    def compression(self) -> _Compression: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def size(self) -> int: ...
    @property
    def content_digest(self) -> bytes: ...
    @property
    def content_size(self) -> int: ...

def decompress_layer(path: _Path, destination: _Path) -> tuple[bytes, int]:
    """Write a layer's uncompressed tar to a new file; return its digest (the diff_id) and size."""

def detect_compression(start: Buffer) -> _Compression:
    """Tell how a layer is stored by its first four bytes, or more (RFC 1952, 2.3.1; RFC 8878, 3.1)."""

@final
class LayerWriter:
    """Writes a deterministic tar: the same entries give the same bytes on every machine and in every version.

    POSIX ustar headers, PAX records only where a field does not fit; every mtime is ``mtime`` seconds since the epoch,
    owner and group names empty. Format: ``docs/formats.md``, "Layer".
    """

    def __new__(cls, path: _Path, mtime: int = 0) -> Self:
        """Create the file ``path``, which must not exist; it is removed unless the layer is finished."""
    def add(self, entries: Sequence[Entry]) -> None:
        """Append entries in their order, with the content from their sources.

        Raises:
            ContentChanged: a file's content no longer has the digest or size that its entry says; the layer is gone.
            OSError: a source cannot be read, or the layer not be written; the layer is gone.
            ValueError: an entry cannot be stored (its path is not clean or in the layer already, its content has no
                source or digest ...); nothing was appended.
        """
    def finish(self) -> tuple[bytes, int]:
        """End the tar, close the file and return its digest (also its diff_id) and size in bytes."""

# --- chunks, packs and recipes -------------------------------------------------------------------------------------

@final
class Chunker:
    """Cuts a file into chunks and literals in one pass, which gives the recipe and every digest.

    A tar is cut entry by entry: contents by FastCDC (REAPI's ``FAST_CDC_2020``), while headers, padding and contents
    of up to 1 KiB are literals, which the recipe holds itself. What is no tar is cut as one content, and a broken tar
    from where it is none: see ``docs/formats.md``, "Pieces". Reading and cutting run ahead on threads of their own.
    ``average`` is a power of two from 256 to 4,194,304, ``minimum`` at least 64, ``maximum`` at most 16 MiB (256 KiB
    where the chunks are to be packed). Use it from one thread at a time.

    ``digest`` and ``size`` are those of the file. With ``decompress``, the uncompressed bytes of a gzip or zstd layer
    are cut; ``content_digest`` and ``content_size`` are those of what was cut. All four are known once ``next`` has
    returned None; before that they raise ``ValueError``.

    Raises:
        ValueError: the sizes are not allowed.
        OSError: the file cannot be opened.
    """

    def __new__(
        cls,
        path: _Path,
        *,
        minimum: int = 16384,
        average: int = 65536,
        maximum: int = 262144,
        decompress: bool = False,
    ) -> Self: ...
    def next(self, most: int = 8388608) -> ChunkBatch | None:
        """Return the next chunks, of about ``most`` bytes with the literals between them; None at the end.

        Memory is about three batches. The next batch is made while this one is used.

        Raises:
            LayerError: the compressed bytes are damaged, or the recipe would have more than 256 MiB.
            OSError: the file cannot be read.
            ValueError: an earlier call failed.
        """
    def recipe(self, transform: str = "", parameters: bytes = ...) -> bytes:
        """Return the recipe of the file: see ``docs/formats.md``, "Recipe".

        Where the uncompressed bytes were cut, ``transform`` names the encoder that turns them back into the file, and
        ``parameters`` is what it needs besides, at most 1 MiB.

        Raises:
            ValueError: the end has not been reached, or the transform's name is not printable ASCII.
        """
    @property
    def digest(self) -> bytes: ...
    @property
    def size(self) -> int: ...
    @property
    def content_digest(self) -> bytes: ...
    @property
    def content_size(self) -> int: ...

@final
class ChunkBatch:
    """Chunks that follow each other in a blob; it holds their bytes. A chunk may be there more than once."""

    def __len__(self) -> int: ...
    @property
    def digests(self) -> bytes:
        """The digests in their order, 32 bytes each."""
    @property
    def sizes(self) -> list[int]:
        """Bytes of each chunk."""
    def data(self, index: int) -> bytes:
        """Return a copy of one chunk's bytes."""

_PackedChunk: TypeAlias = tuple[bytes, int, int, int, int, int]
"""Digest, size, frame offset in the pack, frame length in the pack, frame size uncompressed, offset in the frame."""

@final
class PackWriter:
    """Writes a pack: see ``docs/formats.md``, "Pack". The file has no name until it is published.

    After an ``OSError`` of ``add``, ``add_blob`` or ``finish`` it can only be closed; every call on a closed one but
    ``close`` raises ``ValueError``.

    Raises:
        ValueError: zstd has no such level.
        OSError: the folder takes no files.
    """

    def __new__(cls, folder: _Path, *, level: int = 3) -> Self: ...
    @property
    def size(self) -> int:
        """Compressed bytes so far, without the frame that is being filled (at most 256 KiB) and the footer."""
    def add(self, batch: ChunkBatch, wanted: Sequence[int]) -> None:
        """Append the chunks of these indexes, less those that the pack has already.

        Raises:
            IndexError: the batch has no such chunk; nothing was appended.
            ValueError: a chunk is larger than 256 KiB; those before it were appended.
        """
    def add_blob(self, digest: bytes, data: Buffer) -> None:
        """Append one blob, unless the pack has it already; ``digest`` is believed.

        Raises:
            ValueError: it is empty or larger than 256 KiB; nothing was appended.
        """
    def finish(self) -> list[_PackedChunk]:
        """Write the footer, make the file durable, and return what is in it, in its order."""
    def publish(self, path: _Path) -> bool:
        """Give a finished pack its final name; as ``BlobFile.publish``."""
    def close(self) -> None:
        """Close the pack and remove it if it was not published."""

def read_pack_footer(path: _Path) -> list[_PackedChunk]:
    """Return what is in a pack, as ``PackWriter.finish`` did; the frames themselves are not looked at.

    Raises:
        RecipeError: the start or the end of the pack is damaged.
    """

def verify_pack(path: _Path) -> list[tuple[bytes | None, int, str]]:
    """Read all of a pack; return every chunk that cannot be had, with the offset of its frame and what is wrong.

    The digest is None where start or end of the pack are damaged. An empty list says that every byte is as written.
    """

@final
class Recipe:
    """A recipe, its checksum and its numbers verified. Literals stay compressed until they are read.

    ``digest`` and ``size`` are those of the blob, ``content_digest`` and ``content_size`` those of its pieces: the
    same, unless ``transform`` names an encoder that makes the blob of them, with ``parameters``.

    Raises:
        RecipeError: the recipe is damaged or malformed.
    """

    def __new__(cls, data: Buffer) -> Self: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def size(self) -> int: ...
    @property
    def content_digest(self) -> bytes: ...
    @property
    def content_size(self) -> int: ...
    @property
    def transform(self) -> str: ...
    @property
    def parameters(self) -> bytes: ...
    @property
    def chunk_count(self) -> int:
        """How many of the pieces are chunks."""
    @property
    def literal_size(self) -> int:
        """Bytes of the content that the recipe holds itself."""
    @property
    def longest_piece(self) -> int:
        """Bytes of the longest piece, which a window of a reader has at the least; 0 where there is none."""
    @property
    def file_size(self) -> int:
        """Bytes of the recipe itself."""
    def part(self, offset: int, most: int) -> bytes:
        """Return bytes of the recipe itself, at most ``most``; none past its end."""
    def chunks(self) -> bytes:
        """Return the digests of all chunks in order, 32 bytes each; some are there more than once."""
    def distinct(self) -> list[tuple[bytes, int, int]]:
        """Return digest, offset in the content and size of the chunks as they first appear, each digest once."""
    def groups(self, chunks: Sequence[int], base: Recipe | None = None) -> list[tuple[int, list[tuple[int, int]]]]:
        """Group chunks to be compressed together: how many, and offset and size of what is most like them in ``base``.

        ``chunks`` are indexes of ``distinct``, going up. Groups have at most 1 MiB, or one
        chunk, and at most 2 MiB of the base's content, or those around one chunk.

        Raises:
            IndexError: there is no such chunk.
        """
    def pieces(self) -> list[tuple[bytes, int]]:
        """Return digest and size of every piece in order; literals, of up to 256 KiB each, are hashed.

        Raises:
            RecipeError: a literal cannot be decompressed.
        """
    def literal(self, piece: int) -> bytes:
        """Return the bytes of a literal by its index among the pieces.

        Raises:
            IndexError: there is no such piece, or it is a chunk.
            RecipeError: it cannot be decompressed.
        """

def chunk_recipe(digest: bytes, pieces: Sequence[tuple[bytes, int] | Buffer]) -> bytes:
    """Return the recipe of a blob by its pieces in order: chunks by digest and size, and bytes that it is to hold.

    Raises:
        ValueError: a chunk is empty or of 2 GiB or more.
    """

_LocatedChunk: TypeAlias = tuple[bytes, int, int, int, int, int, int]
"""Digest, descriptor of the pack, frame offset, frame length, frame size, offset in the frame, size."""

@final
class RecipeReader:
    """Rebuilds the content of a recipe, or ``length`` bytes of it from ``offset`` on, window by window.

    ``wanted`` makes a window and says which chunks it takes; ``read`` returns its bytes. No byte of a frame is given
    before its checksum is verified, and where the whole content is read, its last window only if the content has its
    digest. Frames that were read last are kept, 4 MiB at most. Use it from one thread at a time.
    """

    def __new__(cls, recipe: Recipe, offset: int = 0, length: int | None = None) -> Self: ...
    def wanted(self, most: int = 4194304) -> bytes:
        """Make the next window, of about ``most`` bytes; return the digests it takes, 32 bytes each, each once.

        No digests are returned for a window of literals, nor at the end.
        """
    def read(self, located: Sequence[_LocatedChunk], blobs: Mapping[bytes, Buffer] = ...) -> bytes | None:
        """Return the window's bytes; None at the end, and where ``wanted`` has not made one.

        Each chunk of the window is in ``located``, as a slice of a frame in a pack that stays open meanwhile, or in
        ``blobs``, as its bytes (which are believed).

        Raises:
            RecipeError: a chunk is missing or damaged; its ``digest`` says which one. The window can be read again with
                other sources.
        """

def read_chunks(located: Sequence[_LocatedChunk]) -> list[bytes]:
    """Return the bytes of chunks, all in memory at once; a frame is read once for neighbours that are in it.

    Raises:
        RecipeError: a chunk is damaged, or has another digest; its ``digest`` says which one.
    """

# --- encoders ------------------------------------------------------------------------------------------------------

def find_encoder(path: _Path) -> tuple[str, bytes] | None:
    """Find the encoder that makes a gzip or zstd layer, byte for byte, of its content.

    Returns the encoder's name and parameters, as recipes keep them (``docs/formats.md``, "Encoders"), or None where no
    known encoder makes the file, or it is not compressed. The file is compressed once, unless no encoder fits, a block
    at a time; memory is bounded.
    """

@final
class Reencoder:
    """Makes a compressed file of its content, with what ``find_encoder`` found.

    After ``finish``, or an error, every call raises ``ValueError``.

    Raises:
        ValueError: this version has no encoder ``name``, or it has no such ``parameters``.
    """

    def __new__(cls, name: str, parameters: Buffer) -> Self: ...
    def write(self, content: Buffer) -> bytes:
        """Take the next content; return what of the file is known by now, which may be nothing.

        Raises:
            ValueError: there is more content than the parameters say.
        """
    def finish(self) -> bytes:
        """Return the rest of the file.

        Raises:
            ValueError: there is less content than the parameters say.
        """

# --- build contexts ------------------------------------------------------------------------------------------------

@final
class BuildContext:
    """A build context folder, less what its ``.dockerignore`` leaves out.

    The folder is walked once, in parallel, on construction; contents are hashed when first asked for, in parallel, and
    then remembered. Symlinks are never followed out of the folder. Sockets are left out; hard links are files of their
    own. Of the extended attributes, ``user.*`` and ``security.capability`` are kept: the others are this machine's
    policy.
    """

    def __new__(cls, root: _Path, ignore: Sequence[str] = (), threads: int = 0) -> Self:
        """``ignore`` holds the lines of a ``.dockerignore`` (comments and blank lines allowed).

        Raises:
            PatternError: a line is malformed.
            OSError: the folder cannot be read.
        """
    def __len__(self) -> int:
        """How many entries the context has after ``ignore``."""
    @property
    def total_size(self) -> int:
        """Bytes of all files of the context after ``ignore``."""
    def copy_source(self, source: str, exclude: Sequence[str] = ()) -> list[Entry]:
        r"""Return what ``COPY source dest/`` copies, in the order of paths' bytes, with owner 0:0 and content digests.

        ``source`` may hold Docker's wildcards (``*``, ``?``, ``[a-z]``, ``\``); paths are relative to the destination
        folder: a file has its base name, a folder's content is relative to that folder, and the folder itself is there
        as an entry with the path ``""`` (its mode is what a new destination gets). A symlink named by ``source`` itself
        is followed within the context; one below a copied folder is copied as a symlink. ``exclude`` holds
        patterns as in ``--exclude``. Where wildcards match nothing, nothing is copied.

        Raises:
            FileNotFoundError: the context does not have ``source``, or the folder that its wildcards are looked for in;
                the message says whether ``ignore`` hides it.
            OSError: something cannot be read, or symlinks lead in a circle.
            PatternError: a pattern is malformed.
            ValueError: a wildcard matches sources that have a file and a folder for one path.
        """
    def matches(self, source: str) -> list[str]:
        """Return the paths that the wildcards of ``source`` match, or ``source`` itself; raises as ``copy_source``."""

def match_patterns(patterns: Sequence[str], paths: Sequence[str], *, lines: bool = True) -> list[bool]:
    """Tell for each path whether ``.dockerignore`` lines leave it out (last match wins, ``!`` re-includes).

    Without ``lines`` the patterns are those of ``--exclude``, none of which is a comment.

    Raises:
        PatternError: a pattern is malformed; of lines, it says which.
    """

def match_wildcards(pattern: str, names: Sequence[str]) -> list[bool]:
    r"""Tell for each name whether the wildcards of COPY match it: those of Go's ``filepath.Match``.

    ``*`` is any text without ``/``, ``?`` one character but ``/``, ``[a-z]`` one of a class, ``[^a-z]`` one that is not
    (either may be ``/``), ``\x`` just ``x``.

    Raises:
        PatternError: a class is not closed or empty, or a backslash ends the pattern.
    """
