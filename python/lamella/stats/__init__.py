"""Statistics: hits, misses, bytes and time saved."""
