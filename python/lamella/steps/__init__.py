"""Steps: reading Dockerfiles, step keys, and resolving a build against what is already built."""
