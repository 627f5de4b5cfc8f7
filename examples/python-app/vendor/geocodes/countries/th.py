"""Thailand."""

from geocodes.model import Country

COUNTRY = Country(code="TH", name="Thailand", currency="THB", dialling_code=66)
