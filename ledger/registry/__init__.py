"""The accreditation of issuers: signed statements from the province down to the school, and their check."""
