"""The authorization endpoint: what a request asks for, what stands between, and its answer."""
