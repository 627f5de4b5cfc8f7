"""An OCI registry's repositories, manifests, tags, referrers and uploads; knows no HTTP."""
