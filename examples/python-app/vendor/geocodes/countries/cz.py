"""Czechia."""

from geocodes.model import Country

COUNTRY = Country(code="CZ", name="Czechia", currency="CZK", dialling_code=420)
