"""Canada."""

from geocodes.model import Country

COUNTRY = Country(code="CA", name="Canada", currency="CAD", dialling_code=1)
