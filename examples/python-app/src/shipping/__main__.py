"""Runs the service, or answers one question: ``python -m shipping DE 2.5``."""

import sys

from shipping.prices import price
from shipping.server import serve

if len(sys.argv) == 3:
    print(price(sys.argv[1], float(sys.argv[2])))
else:
    serve()
