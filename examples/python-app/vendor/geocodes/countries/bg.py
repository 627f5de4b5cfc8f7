"""Bulgaria."""

from geocodes.model import Country

COUNTRY = Country(code="BG", name="Bulgaria", currency="BGN", dialling_code=359)
