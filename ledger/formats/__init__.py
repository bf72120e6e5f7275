"""What the log's bytes mean: entries, trees, checkpoints, proofs as text. Pure: no database, no files."""
