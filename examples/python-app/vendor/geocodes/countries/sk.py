"""Slovakia."""

from geocodes.model import Country

COUNTRY = Country(code="SK", name="Slovakia", currency="EUR", dialling_code=421)
