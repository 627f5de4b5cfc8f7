"""India."""

from geocodes.model import Country

COUNTRY = Country(code="IN", name="India", currency="INR", dialling_code=91)
