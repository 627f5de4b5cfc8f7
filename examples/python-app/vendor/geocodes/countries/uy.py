"""Uruguay."""

from geocodes.model import Country

COUNTRY = Country(code="UY", name="Uruguay", currency="UYU", dialling_code=598)
