"""Slovenia."""

from geocodes.model import Country

COUNTRY = Country(code="SI", name="Slovenia", currency="EUR", dialling_code=386)
