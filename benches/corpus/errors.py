"""What can go wrong for reasons outside the project."""


class CorpusError(Exception):
    """A part of the corpus cannot be made; the message says which, why, and what to do about it."""
