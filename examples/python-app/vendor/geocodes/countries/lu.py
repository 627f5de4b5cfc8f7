"""Luxembourg."""

from geocodes.model import Country

COUNTRY = Country(code="LU", name="Luxembourg", currency="EUR", dialling_code=352)
