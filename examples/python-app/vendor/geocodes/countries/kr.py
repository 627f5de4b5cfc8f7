"""South Korea."""

from geocodes.model import Country

COUNTRY = Country(code="KR", name="South Korea", currency="KRW", dialling_code=82)
