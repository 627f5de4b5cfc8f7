"""The doors: adapters that parse, call the domain and translate errors."""
