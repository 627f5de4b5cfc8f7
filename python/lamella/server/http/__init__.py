"""The OCI door: the OCI Distribution Specification 1.1 over HTTP."""
