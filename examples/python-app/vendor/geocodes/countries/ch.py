"""Switzerland."""

from geocodes.model import Country

COUNTRY = Country(code="CH", name="Switzerland", currency="CHF", dialling_code=41)
