"""What the log says, told on the chain: accreditation events and published status lists. The log is the authority."""
