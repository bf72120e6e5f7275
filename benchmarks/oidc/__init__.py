"""How fast the OpenID provider is, beside npm `oidc-provider` on the same machine: `python -m benchmarks.oidc`."""
