"""Credentials: types, issuing, revoking, sharing, verifying."""
