"""Generate ``lamella._proto`` from the ``.proto`` files beside this script; ``--check`` only compares.

The modules live under ``lamella._proto`` because a top-level package ``build`` would collide with a well-known tool.
``google.protobuf`` and ``google.rpc`` come from the packages that own them.
"""

from __future__ import annotations

import filecmp
import re
import sys
import tempfile
from importlib import resources
from pathlib import Path

import google.rpc
from grpc_tools import protoc

PROTOS = Path(__file__).parent
PACKAGE = PROTOS.parent / "python" / "lamella" / "_proto"
IMPORT = re.compile(r"^from ((?:build|lamella\.v1|google\.bytestream)\b[\w.]*) import ", re.MULTILINE)


def generate(destination: Path) -> None:
    """Write the modules of every ``.proto`` file under ``destination``, each folder a package."""
    sources = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))
    include = resources.files("grpc_tools") / "_proto"
    google_rpc = Path(google.rpc.__path__[0]).parents[1]
    status = protoc.main(
        [
            "protoc",
            *(f"--proto_path={path}" for path in (PROTOS, include, google_rpc)),
            *(f"--{kind}_out={destination}" for kind in ("python", "pyi", "grpc_python")),
            *sources,
        ]
    )
    if status != 0:
        sys.exit(status)
    for path in destination.rglob("*.py*"):
        path.write_text(IMPORT.sub(r"from lamella._proto.\1 import ", path.read_text()))
    for folder in [destination, *(path for path in destination.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text('"""Generated from protos/ by `make proto`."""\n')


def files(folder: Path) -> set[Path]:
    """Return the generated files of a folder, relative to it."""
    return {path.relative_to(folder) for path in folder.rglob("*.py*") if path.suffix in {".py", ".pyi"}}


def main() -> None:
    """Regenerate the package, or say which files differ."""
    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name)
        generate(fresh)
        wanted, present = files(fresh), files(PACKAGE)
        differing = wanted ^ present | {
            path for path in wanted & present if not filecmp.cmp(fresh / path, PACKAGE / path, shallow=False)
        }
        if "--check" in sys.argv[1:]:
            if differing:
                sys.exit(f"run `make proto`; these differ: {', '.join(sorted(map(str, differing)))}")
            return
        for path in present - wanted:
            (PACKAGE / path).unlink()
        for path in wanted:
            (PACKAGE / path).parent.mkdir(parents=True, exist_ok=True)
            (PACKAGE / path).write_bytes((fresh / path).read_bytes())


if __name__ == "__main__":
    main()
