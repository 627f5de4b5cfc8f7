"""Times the steps of a program."""

from steptimer.clock import Clock
from steptimer.export import Export
from steptimer.report import Report
from steptimer.span import Span

__all__ = ["Clock", "Export", "Report", "Span"]
