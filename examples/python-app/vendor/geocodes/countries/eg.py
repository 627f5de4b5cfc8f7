"""Egypt."""

from geocodes.model import Country

COUNTRY = Country(code="EG", name="Egypt", currency="EGP", dialling_code=20)
