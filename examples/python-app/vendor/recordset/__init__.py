"""Tables in memory."""

from recordset.column import Column
from recordset.csvfile import Csvfile
from recordset.filters import Filters
from recordset.joins import Joins
from recordset.jsonlines import Jsonlines
from recordset.ordering import Ordering
from recordset.table import Table

__all__ = ["Column", "Csvfile", "Filters", "Joins", "Jsonlines", "Ordering", "Table"]
