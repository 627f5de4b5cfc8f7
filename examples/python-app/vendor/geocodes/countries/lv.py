"""Latvia."""

from geocodes.model import Country

COUNTRY = Country(code="LV", name="Latvia", currency="EUR", dialling_code=371)
