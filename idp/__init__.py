"""Identity provider: schools, people, sign-in, OpenID Connect."""
