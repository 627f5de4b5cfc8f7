"""Mexico."""

from geocodes.model import Country

COUNTRY = Country(code="MX", name="Mexico", currency="MXN", dialling_code=52)
