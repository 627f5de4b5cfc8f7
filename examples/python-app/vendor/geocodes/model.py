"""What is known about a country."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    """A country; ``dialling_code`` is without the plus sign."""

    code: str
    name: str
    currency: str
    dialling_code: int
