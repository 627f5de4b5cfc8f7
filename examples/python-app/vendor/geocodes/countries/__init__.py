"""One module a country."""
