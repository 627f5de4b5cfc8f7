"""One request, as the resources see it, and what they answer from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode

from aiohttp import web

from lamella.errors import Invalid
from lamella.registry.names import Repository, project_of

if TYPE_CHECKING:
    from lamella.index import Counters
    from lamella.registry.registry import Registry
    from lamella.server.http.caller import Caller
    from lamella.server.http.routes import Route
    from lamella.stats.recorder import Recorder
    from lamella.store.protocol import BlobFiles, BlobStore


@dataclass(frozen=True, slots=True)
class Services:
    """What requests are answered from; ``files`` gives blobs that have a file of their own."""

    registry: Registry
    store: BlobStore
    files: BlobFiles
    recorder: Recorder


@dataclass(frozen=True, slots=True)
class Call:
    """A request and what its path says; ``argument`` is a digest, a reference or a session, unchecked."""

    request: web.BaseRequest
    services: Services
    route: Route
    caller: Caller
    repository: Repository = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "repository", Repository(self.route.repository))

    @property
    def argument(self) -> str:
        """What follows the kind of resource in the path."""
        return self.route.argument

    def count(self, counters: Counters) -> None:
        """Count something for the repository and the caller."""
        self.services.recorder.add(
            counters,
            project=project_of(self.repository.name),
            builder=self.caller.builder,
            instruction=self.caller.client,
        )


Handler: TypeAlias = Callable[[Call], Awaitable[web.StreamResponse]]
Methods: TypeAlias = Mapping[str, Handler]
"""What a resource can do, by HTTP method."""


def page_size(request: web.BaseRequest) -> int | None:
    """Return the query parameter ``n``, or None.

    Raises:
        Invalid: it is no number, or negative.
    """
    text = request.query.get("n")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid("n", f"{text[:20]!r} is not a number of results")
    return int(text)


def next_link(path: str, **query: str | int | None) -> dict[str, str]:
    """Return the header that leads to the next page (RFC 8288)."""
    given = {key: value for key, value in query.items() if value is not None}
    return {"Link": f'<{path}?{urlencode(given)}>; rel="next"'}
