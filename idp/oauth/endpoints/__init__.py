"""What platforms ask about tokens: userinfo, introspection, revocation."""
