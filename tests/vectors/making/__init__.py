"""Makes the vectors of `tests/vectors/verification`, with code of its own and fixed keys."""
