"""Sweden."""

from geocodes.model import Country

COUNTRY = Country(code="SE", name="Sweden", currency="SEK", dialling_code=46)
