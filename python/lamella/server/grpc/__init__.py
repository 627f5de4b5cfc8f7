"""The gRPC door: the step API and REAPI v2."""
