"""The `lamella` command; one module a command."""
