"""Spain."""

from geocodes.model import Country

COUNTRY = Country(code="ES", name="Spain", currency="EUR", dialling_code=34)
