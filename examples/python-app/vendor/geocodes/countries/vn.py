"""Vietnam."""

from geocodes.model import Country

COUNTRY = Country(code="VN", name="Vietnam", currency="VND", dialling_code=84)
