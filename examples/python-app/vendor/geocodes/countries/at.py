"""Austria."""

from geocodes.model import Country

COUNTRY = Country(code="AT", name="Austria", currency="EUR", dialling_code=43)
