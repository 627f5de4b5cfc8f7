"""Ukraine."""

from geocodes.model import Country

COUNTRY = Country(code="UA", name="Ukraine", currency="UAH", dialling_code=380)
