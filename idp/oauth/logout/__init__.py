"""Signing out across platforms: the person's, the platform's, and the provider's part."""
