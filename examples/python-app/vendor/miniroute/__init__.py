"""A small WSGI router."""

from miniroute.errors import Errors
from miniroute.middleware import Middleware
from miniroute.request import Request
from miniroute.response import Response
from miniroute.router import Router
from miniroute.static import Static
from miniroute.testing import Testing

__all__ = ["Errors", "Middleware", "Request", "Response", "Router", "Static", "Testing"]
