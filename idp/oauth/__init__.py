"""OpenID Connect and OAuth 2.0 through Authlib's server, which stays inside this folder."""
