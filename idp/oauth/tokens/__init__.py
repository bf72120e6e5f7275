"""What is issued: access, refresh and ID tokens, and what they are bound to."""
