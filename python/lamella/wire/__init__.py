"""Conversions between domain values and protobuf messages, for the gRPC door and the client."""
