"""New Zealand."""

from geocodes.model import Country

COUNTRY = Country(code="NZ", name="New Zealand", currency="NZD", dialling_code=64)
