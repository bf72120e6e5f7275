"""The device flow (RFC 8628): what a device asks for, and what a person elsewhere decides."""
