"""Platforms under review: what their owners file, what officers decide, and the developers' console."""
