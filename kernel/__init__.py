"""What every folder stands on: clock, database, errors, pages, access, audit. Knows no domain."""
