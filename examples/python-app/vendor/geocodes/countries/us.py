"""United States."""

from geocodes.model import Country

COUNTRY = Country(code="US", name="United States", currency="USD", dialling_code=1)
