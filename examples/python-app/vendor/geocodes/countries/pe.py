"""Peru."""

from geocodes.model import Country

COUNTRY = Country(code="PE", name="Peru", currency="PEN", dialling_code=51)
