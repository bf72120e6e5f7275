"""Sign-in: passwords, one-time passwords, recovery codes, throttling, first sign-in."""
