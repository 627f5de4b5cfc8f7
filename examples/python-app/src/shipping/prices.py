"""Prices by country and weight, from ``data/rates``."""

import csv
from decimal import Decimal
from pathlib import Path

from geocodes import country

RATES = Path(__file__).resolve().parents[2] / "data" / "rates"


def price(code: str, kilograms: float, service: str = "standard") -> str:
    """Return the price of a parcel with its currency."""
    with (RATES / f"{code.lower()}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if kilograms <= float(row["kilograms"]):
                return f"{Decimal(row[service])} {country(code).currency}"
    raise ValueError(f"a parcel to {code} may not weigh {kilograms} kg")
