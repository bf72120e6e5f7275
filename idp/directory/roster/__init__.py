"""Roster import: a file becomes checked rows, a dry run, and on the registrar's word people and affiliations.

An import is no oracle about other schools' people: it matches an existing person only on
document number, name and birth date together, a partial match is one uniform row for the
county, and "new, changed, same" compare with the school's own roster.
"""
