"""The token endpoint's grants, one module each, on Authlib's seams."""
