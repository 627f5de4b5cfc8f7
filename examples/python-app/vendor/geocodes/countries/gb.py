"""United Kingdom."""

from geocodes.model import Country

COUNTRY = Country(code="GB", name="United Kingdom", currency="GBP", dialling_code=44)
