"""Looking after a store while it serves: what is kept, what goes, and what is checked."""
