"""`lamella serve`."""

from __future__ import annotations

from math import isinf
from pathlib import Path

import click

from lamella.cli import options
from lamella.cli.data_folder import DATA_VARIABLE, default_data_folder
from lamella.cli.garbage_options import garbage_options, size_limit


@click.command()
@click.option(
    "--data-folder",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=DATA_VARIABLE,
    show_envvar=True,
    help="Where everything is kept; made if it is missing.  [default: this user's data folder]",
)
@click.option(
    "--listen",
    type=options.AddressType(),
    metavar="HOST:PORT",
    help="Where to take gRPC calls (lamella, Bazel); port 0 is any free one.  [default: 127.0.0.1:8970]",
)
@click.option(
    "--http-listen",
    type=options.AddressType(),
    metavar="HOST:PORT",
    help="Where to take registry clients (docker, buildah, BuildKit).  [default: 127.0.0.1:8971]",
)
@click.option(
    "--cold-after",
    type=options.AgeOrOffType(),
    metavar="AGE|off",
    default="1h",
    show_default=True,
    help="Store a layer as chunks, shared with other layers, once nobody has used it for this long: 30m, 2h, 1d.",
)
@click.option(
    "--warm-after",
    type=options.CountOrOffType(),
    metavar="READS|off",
    default="2",
    show_default=True,
    help="After how many pulls within --cold-after a compressed layer is stored whole again; a plain one takes four "
    "times as many.",
)
@click.option(
    "--background-share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="How much of one core work in the background may take: more than 0, at most 1.",
)
@click.option(
    "--scrub-days",
    type=click.FloatRange(0),
    default=7,
    show_default=True,
    metavar="DAYS",
    help="Read everything once in this many days, to find and heal what the disk has damaged; 0 for never.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="COUNT",
    help="How many processes serve: one for each core that may be busy, at most 256.",
)
@garbage_options
@click.option(
    "--gc-interval",
    type=options.AgeType(),
    default="1h",
    show_default=True,
    metavar="AGE",
    help="How often garbage is collected; also whenever --max-size is almost reached (95 %).",
)
def command(
    *,
    data_folder: Path | None,
    listen: str | None,
    http_listen: str | None,
    cold_after: float,
    warm_after: int,
    background_share: float,
    scrub_days: float,
    workers: int,
    max_size: str | None,
    max_age: float | None,
    grace: float,
    retention: Path | None,
    gc_interval: float,
) -> None:
    """Run the server until SIGTERM or Ctrl+C; running calls then have 30 seconds to finish.

    There is no authentication yet: listen beyond this machine only where every client is trusted.

    \b
        lamella serve
        lamella serve --listen 0.0.0.0:8970 --http-listen 0.0.0.0:8971 --workers 4 --data-folder /srv/lamella
        lamella serve --max-size 200GiB --max-age 30d
    """
    from lamella.client.address import DEFAULT_ADDRESS, SERVER_VARIABLE, parse_address
    from lamella.server.app import Addresses, ServerConfig, serve
    from lamella.server.config import DEFAULT_HTTP_ADDRESS, GarbageConfig
    from lamella.server.garbage import policy_of

    host, port = parse_address(listen or DEFAULT_ADDRESS)
    http_host, http_port = parse_address(http_listen or DEFAULT_HTTP_ADDRESS)
    folder = data_folder or default_data_folder()

    def ready(addresses: Addresses) -> None:
        click.echo(f"Lamella listens on {addresses.grpc}, as a registry on {addresses.http}, with its data in {folder}")
        click.echo(f"Point a builder at it: export {SERVER_VARIABLE}={addresses.grpc}")

    garbage = GarbageConfig(size_limit(max_size, folder), max_age, grace, gc_interval, retention)
    policy_of(garbage)  # what is wrong with the rules is said before anything is served
    config = ServerConfig(
        folder,
        host,
        port,
        workers,
        http_host=http_host,
        http_port=http_port,
        garbage=garbage,
        cold_after=None if isinf(cold_after) else cold_after,
        warm_after=warm_after or None,
        background_share=background_share,
        scrub_days=scrub_days,
    )
    serve(config, ready)
