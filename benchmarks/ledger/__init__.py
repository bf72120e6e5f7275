"""How fast the log is, how much room it takes, what an anchor costs: `python -m benchmarks.ledger`."""
