"""Hungary."""

from geocodes.model import Country

COUNTRY = Country(code="HU", name="Hungary", currency="HUF", dialling_code=36)
