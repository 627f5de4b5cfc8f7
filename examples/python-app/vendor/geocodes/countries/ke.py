"""Kenya."""

from geocodes.model import Country

COUNTRY = Country(code="KE", name="Kenya", currency="KES", dialling_code=254)
