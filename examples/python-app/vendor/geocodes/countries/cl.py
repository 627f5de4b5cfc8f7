"""Chile."""

from geocodes.model import Country

COUNTRY = Country(code="CL", name="Chile", currency="CLP", dialling_code=56)
