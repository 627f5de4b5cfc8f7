"""Brazil."""

from geocodes.model import Country

COUNTRY = Country(code="BR", name="Brazil", currency="BRL", dialling_code=55)
