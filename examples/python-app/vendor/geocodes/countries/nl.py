"""Netherlands."""

from geocodes.model import Country

COUNTRY = Country(code="NL", name="Netherlands", currency="EUR", dialling_code=31)
