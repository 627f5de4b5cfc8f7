"""Philippines."""

from geocodes.model import Country

COUNTRY = Country(code="PH", name="Philippines", currency="PHP", dialling_code=63)
