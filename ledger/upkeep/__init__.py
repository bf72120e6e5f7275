"""Checking, repairing, copying and purging a log."""
