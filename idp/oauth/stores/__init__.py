"""Rows of platforms, grants, tokens and pairwise names: the only place under `idp.oauth` that selects."""
