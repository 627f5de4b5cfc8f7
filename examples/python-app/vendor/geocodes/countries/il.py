"""Israel."""

from geocodes.model import Country

COUNTRY = Country(code="IL", name="Israel", currency="ILS", dialling_code=972)
