"""The log, its witnesses, the chain it is anchored on, and the registry of accredited issuers."""
