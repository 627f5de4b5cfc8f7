"""Germany."""

from geocodes.model import Country

COUNTRY = Country(code="DE", name="Germany", currency="EUR", dialling_code=49)
