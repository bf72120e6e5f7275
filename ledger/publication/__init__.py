"""From queued entries to a published checkpoint."""
