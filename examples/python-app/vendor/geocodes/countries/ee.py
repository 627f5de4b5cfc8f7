"""Estonia."""

from geocodes.model import Country

COUNTRY = Country(code="EE", name="Estonia", currency="EUR", dialling_code=372)
