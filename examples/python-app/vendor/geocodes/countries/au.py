"""Australia."""

from geocodes.model import Country

COUNTRY = Country(code="AU", name="Australia", currency="AUD", dialling_code=61)
