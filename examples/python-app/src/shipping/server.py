"""A WSGI server with one page."""

from urllib.parse import parse_qs
from wsgiref.simple_server import make_server

from shipping.prices import price


def application(environ, start_response):
    """Answer ``/?country=DE&kilograms=2.5``."""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    try:
        body = price(query["country"][0], float(query["kilograms"][0]))
        status = "200 OK"
    except (KeyError, ValueError, OSError) as error:
        body, status = f"{error}", "400 Bad Request"
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [body.encode()]


def serve(port: int = 8000) -> None:
    """Serve until interrupted."""
    with make_server("", port, application) as server:
        server.serve_forever()
