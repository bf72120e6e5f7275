"""Platforms: what they register, how they are looked up, how they prove who they are."""
