"""What the public pages of the log show."""
