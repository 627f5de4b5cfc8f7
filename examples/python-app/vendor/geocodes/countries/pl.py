"""Poland."""

from geocodes.model import Country

COUNTRY = Country(code="PL", name="Poland", currency="PLN", dialling_code=48)
