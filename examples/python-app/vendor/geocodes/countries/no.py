"""Norway."""

from geocodes.model import Country

COUNTRY = Country(code="NO", name="Norway", currency="NOK", dialling_code=47)
