"""South Africa."""

from geocodes.model import Country

COUNTRY = Country(code="ZA", name="South Africa", currency="ZAR", dialling_code=27)
