"""Consent: what a platform may read of a person, given, shown, exported and withdrawn; for children by a guardian."""
