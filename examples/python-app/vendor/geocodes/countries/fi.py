"""Finland."""

from geocodes.model import Country

COUNTRY = Country(code="FI", name="Finland", currency="EUR", dialling_code=358)
