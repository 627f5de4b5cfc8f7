"""Denmark."""

from geocodes.model import Country

COUNTRY = Country(code="DK", name="Denmark", currency="DKK", dialling_code=45)
