"""Standard input, output and error, which whoever starts a command may have closed."""

from __future__ import annotations

import io
import os
import sys
from typing import Final

_NAMES: Final = ("stdin", "stdout", "stderr")


def open_standard_streams() -> None:
    """Put ``/dev/null`` where one is closed: nothing can be shown then, but that is no reason to fail.

    A file that is opened later would get the number of one, and with it what libraries have to say on standard error.
    Names of files that are not UTF-8 are shown with escapes, which JSON reads as the same characters.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < len(_NAMES):
        os.set_inheritable(descriptor, True)
        name = _NAMES[descriptor]
        setattr(sys, name, open(descriptor, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    os.close(descriptor)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
