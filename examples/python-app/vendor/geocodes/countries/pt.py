"""Portugal."""

from geocodes.model import Country

COUNTRY = Country(code="PT", name="Portugal", currency="EUR", dialling_code=351)
