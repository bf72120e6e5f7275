"""Checkpoints on their way to the chain, and the transactions that carry them there."""
