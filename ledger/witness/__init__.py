"""A witness: another organisation's process that cosigns a log's checkpoints. Shares nothing with the log.

It has its own folder, keys and clock, knows no database, and remembers for each log how
large it saw it last. `xinji witness` runs it.
"""
