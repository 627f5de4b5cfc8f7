"""Ireland."""

from geocodes.model import Country

COUNTRY = Country(code="IE", name="Ireland", currency="EUR", dialling_code=353)
