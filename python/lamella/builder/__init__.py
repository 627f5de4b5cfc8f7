"""Builds images from Dockerfiles against a cache: `lamella build`."""
