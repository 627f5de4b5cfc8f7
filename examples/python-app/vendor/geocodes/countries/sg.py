"""Singapore."""

from geocodes.model import Country

COUNTRY = Country(code="SG", name="Singapore", currency="SGD", dialling_code=65)
