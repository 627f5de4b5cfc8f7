"""Romania."""

from geocodes.model import Country

COUNTRY = Country(code="RO", name="Romania", currency="RON", dialling_code=40)
