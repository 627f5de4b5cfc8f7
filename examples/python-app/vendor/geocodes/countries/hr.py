"""Croatia."""

from geocodes.model import Country

COUNTRY = Country(code="HR", name="Croatia", currency="EUR", dialling_code=385)
