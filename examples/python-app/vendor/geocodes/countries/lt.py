"""Lithuania."""

from geocodes.model import Country

COUNTRY = Country(code="LT", name="Lithuania", currency="EUR", dialling_code=370)
