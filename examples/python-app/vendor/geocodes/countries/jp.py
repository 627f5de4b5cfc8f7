"""Japan."""

from geocodes.model import Country

COUNTRY = Country(code="JP", name="Japan", currency="JPY", dialling_code=81)
