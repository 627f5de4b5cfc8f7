"""Layers: tar streams, plain or compressed, and the file systems that stacks of them make."""
