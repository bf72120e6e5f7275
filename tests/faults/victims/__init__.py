"""The processes that are killed: each is the real thing, with its stages shown."""
