"""How many bytes the corpus takes: as a registry keeps it, in restic, and in Lamella's store."""
