"""France."""

from geocodes.model import Country

COUNTRY = Country(code="FR", name="France", currency="EUR", dialling_code=33)
