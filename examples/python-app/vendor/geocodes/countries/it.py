"""Italy."""

from geocodes.model import Country

COUNTRY = Country(code="IT", name="Italy", currency="EUR", dialling_code=39)
