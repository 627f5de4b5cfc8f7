"""Sources of ADD that are not files of the build context: URLs and git repositories.

Both are keyed by what they resolve to, so what that is must be written in the Dockerfile.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from lamella.model import Digest
from lamella.steps.work import GitTree, RemoteFile

_GIT = re.compile(r"(?:git@|git://|ssh://)|https?://[^?#]+\.git/?(?:[?#]|\Z)")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


class RemoteError(ValueError):
    """A remote source cannot be keyed; the message says how to write it."""


def is_git(source: str) -> bool:
    """Tell whether a source is a git repository: an ssh or git URL, or an http one whose path ends with ``.git``."""
    return _GIT.match(source) is not None


def is_url(source: str) -> bool:
    """Tell whether a source is a file to fetch."""
    return source.startswith(("http://", "https://")) and not is_git(source)


def parse_git(source: str, checksum: str, *, keep_git_dir: bool) -> GitTree:
    """Read ``repository#commit[:folder]``; the commit may be given as ``--checksum`` instead.

    Raises:
        RemoteError: no full commit id is given, or two that differ.
    """
    remote, _, fragment = source.partition("#")
    if "?" in remote:
        raise RemoteError(f"write the commit of {source!r} as #<commit>[:<folder>], not as a query")
    reference, _, folder = fragment.partition(":")
    commits = {commit for commit in (reference, checksum) if _COMMIT.match(commit)}
    if checksum and checksum not in commits:
        raise RemoteError(f"--checksum of a git repository is a full commit id, not {checksum!r}")
    if not commits:
        raise RemoteError(
            f"{source!r} may change; name its commit: {remote}#<full commit id>, or --checksum=<full commit id>"
        )
    if len(commits) > 1:
        raise RemoteError(f"{source!r} and --checksum={checksum} name different commits")
    return GitTree(remote, commits.pop(), folder, keep_git_dir)


def parse_url(source: str, checksum: str) -> RemoteFile:
    """Read a URL whose content ``checksum`` names.

    Raises:
        RemoteError: the checksum is missing or not a SHA-256 digest, or the URL is malformed.
    """
    if not checksum:
        raise RemoteError(f"{source!r} may change; say what it holds: ADD --checksum=sha256:<digest> {source} ...")
    try:
        digest = Digest.parse(checksum)
        path = urlsplit(source).path
    except ValueError as error:
        raise RemoteError(f"{source!r}: {error}") from None
    return RemoteFile(source, path.rpartition("/")[2] or "__unnamed__", digest)
