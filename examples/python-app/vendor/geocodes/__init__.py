"""Countries with their currency and dialling code."""

from importlib import import_module

from geocodes.model import Country

__version__ = "2.1.0"


def country(code: str) -> Country:
    """Return a country by its two-letter code."""
    module = import_module(f"geocodes.countries.{code.lower()}")
    found: Country = module.COUNTRY
    return found
