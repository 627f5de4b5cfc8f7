"""Layers made from real releases, for measuring what storing and moving them costs.

``pins.toml`` says which releases; ``python -m benches.corpus`` makes them. The same pins give the same plain tars on
every machine, but for Debian's states (mirrors move on) and ``.pyc`` files (each CPython writes its own).
"""

from benches.corpus.build import Corpus, Layer, Series
from benches.corpus.errors import CorpusError

__all__ = ["Corpus", "CorpusError", "Layer", "Series"]
