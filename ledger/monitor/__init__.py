"""A monitor: what is logged in an issuer's name, seen from the issuer's own machine over HTTP alone.

Has no database and no part of the installation that it watches; what it remembers is a folder.
`xinji monitor` runs it.
"""
