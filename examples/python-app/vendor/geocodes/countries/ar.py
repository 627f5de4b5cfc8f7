"""Argentina."""

from geocodes.model import Country

COUNTRY = Country(code="AR", name="Argentina", currency="ARS", dialling_code=54)
