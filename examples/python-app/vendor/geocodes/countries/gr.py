"""Greece."""

from geocodes.model import Country

COUNTRY = Country(code="GR", name="Greece", currency="EUR", dialling_code=30)
