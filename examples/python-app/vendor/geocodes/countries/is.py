"""Iceland."""

from geocodes.model import Country

COUNTRY = Country(code="IS", name="Iceland", currency="ISK", dialling_code=354)
