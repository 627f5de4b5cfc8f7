"""Malaysia."""

from geocodes.model import Country

COUNTRY = Country(code="MY", name="Malaysia", currency="MYR", dialling_code=60)
