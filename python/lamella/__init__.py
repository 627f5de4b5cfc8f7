"""Lamella: a build cache and layer-dedup service for container builds."""

from importlib.metadata import version

__version__ = version("lamella")
