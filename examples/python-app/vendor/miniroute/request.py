"""Request of miniroute."""

from __future__ import annotations

from typing import Any


class Request:
    """Holds named values; unknown names are errors."""

    def __init__(self, **values: Any) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def with_values(self, **values: Any) -> Request:
        """Return a copy with some values changed."""
        return Request(**{**self._values, **values})
