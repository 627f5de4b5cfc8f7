"""LMDB tables: the only place that knows LMDB."""
