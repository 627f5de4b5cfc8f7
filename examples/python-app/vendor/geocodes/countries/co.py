"""Colombia."""

from geocodes.model import Country

COUNTRY = Country(code="CO", name="Colombia", currency="COP", dialling_code=57)
