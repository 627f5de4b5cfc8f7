"""Indonesia."""

from geocodes.model import Country

COUNTRY = Country(code="ID", name="Indonesia", currency="IDR", dialling_code=62)
