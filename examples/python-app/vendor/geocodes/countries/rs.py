"""Serbia."""

from geocodes.model import Country

COUNTRY = Country(code="RS", name="Serbia", currency="RSD", dialling_code=381)
