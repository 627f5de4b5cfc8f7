"""A build context with one of everything that COPY may trip over, and the tar of a small root file system."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\nother:x:7:8::/:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1001:\nstaff:x:50:app\n"


def write_context(folder: Path) -> None:
    """Fill a new folder, owned by another user where that is possible: a context's owners mean nothing."""
    files = {
        "a.txt": 0o644,
        "b.txt": 0o600,
        "run.sh": 0o755,
        "empty": 0o644,
        ".hidden": 0o644,
        "with space.txt": 0o644,
        "brackets[1].txt": 0o644,
        "ünicode.txt": 0o644,
        "dir/one": 0o644,
        "dir/two.txt": 0o640,
        "dir/.dot": 0o644,
        "dir/sub/deep": 0o400,
        "dir/sub/deeper/deepest.txt": 0o644,
        "other/one": 0o644,
        "other/three": 0o644,
        "wild/x1.txt": 0o644,
        "wild/x2.txt": 0o644,
        "wild/y.md": 0o644,
        "wild/n/x3.txt": 0o644,
        "wild/m/x3.txt": 0o600,
        "overlay/tmp/new": 0o644,
        "overlay/home/app/.profile": 0o644,
        "node_modules/dep/index.js": 0o644,
        "src/node_modules/dep/index.js": 0o644,
        "src/main.js": 0o644,
        "src/main.test.js": 0o644,
        "src/keep.test.js": 0o644,
    }
    for name, mode in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name == "empty" else f"{name}\n", encoding="utf-8")
        path.chmod(mode)
    for name, mode in {"dir": 0o750, "dir/sub": 0o700, "other": 0o711, "empty.d": 0o775, "wild/n": 0o700}.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(mode)
    links = {
        "to-file": "a.txt",
        "to-dir": "dir",
        "to-link": "to-file",
        "dir/near": "one",
        "dir/up": "../a.txt",
        "dir/absolute": "/etc/passwd",
        "dir/nowhere": "does/not/exist",
        "dir/folder": "sub",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    os.link(folder / "a.txt", folder / "hard")
    (folder / "archive.tar").write_bytes(_archive())
    (folder / "archive.tar.gz").write_bytes(gzip.compress(_archive()))
    (folder / "archive.tar.xz").write_bytes(lzma.compress(_archive()))
    (folder / "not-archive.tar").write_text("just a name\n")
    (folder / "rootfs.tar").write_bytes(root_file_system())
    if os.geteuid() == 0:
        for path in folder.rglob("*"):
            os.chown(path, 4321, 4321, follow_symlinks=False)


def root_file_system() -> bytes:
    """Return a tar as distributions make them: merged /usr, a sticky /tmp, accounts, and folders of several owners."""
    folders = {
        "etc": (0o755, 0, 0),
        "usr": (0o755, 0, 0),
        "usr/bin": (0o755, 0, 0),
        "usr/lib": (0o755, 0, 0),
        "tmp": (0o1777, 0, 0),
        "home": (0o755, 0, 0),
        "home/app": (0o700, 1000, 1001),
        "srv": (0o755, 0, 0),
        "srv/data": (0o2770, 33, 33),
        "srv/data/inner": (0o700, 33, 33),
        "var": (0o755, 0, 0),
        "var/spool": (0o3775, 0, 8),
    }
    links = {"bin": "usr/bin", "lib": "usr/lib", "data": "/srv/data", "home/app/current": "releases/1", "loop": "loop"}
    files = {
        "etc/passwd": (0o644, 0, 0, PASSWD),
        "etc/group": (0o644, 0, 0, GROUP),
        "usr/bin/tool": (0o4755, 0, 0, "tool"),
        "srv/data/file": (0o640, 33, 33, "data"),
    }
    return _tar(folders, files, links)


def _archive() -> bytes:
    return _tar(
        {"unpacked": (0o750, 5, 6), "tmp": (0o755, 0, 0)},
        {"unpacked/file": (0o604, 5, 6, "content"), "top": (0o644, 0, 0, "top"), "tmp/x": (0o600, 9, 9, "x")},
        {"unpacked/link": "file"},
    )


def _tar(
    folders: dict[str, tuple[int, int, int]],
    files: dict[str, tuple[int, int, int, str]],
    links: dict[str, str],
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (permissions, uid, gid) in folders.items():
            _add(tar, name, tarfile.DIRTYPE, permissions, uid, gid)
        for name, (permissions, uid, gid, content) in files.items():
            _add(tar, name, tarfile.REGTYPE, permissions, uid, gid, content.encode())
        for name, target in links.items():
            _add(tar, name, tarfile.SYMTYPE, 0o777, 0, 0, target=target)
    return buffer.getvalue()


def _add(
    tar: tarfile.TarFile, name: str, kind: bytes, mode: int, uid: int, gid: int, content: bytes = b"", target: str = ""
) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.uid, member.gid = kind, mode, uid, gid
    member.size, member.linkname = len(content), target
    tar.addfile(member, io.BytesIO(content))
