"""Turkey."""

from geocodes.model import Country

COUNTRY = Country(code="TR", name="Turkey", currency="TRY", dialling_code=90)
