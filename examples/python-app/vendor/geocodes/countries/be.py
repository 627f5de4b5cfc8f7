"""Belgium."""

from geocodes.model import Country

COUNTRY = Country(code="BE", name="Belgium", currency="EUR", dialling_code=32)
