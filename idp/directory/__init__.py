"""Who is where: organisations and their codes, people and their numbers, roster imports.

Knows no sign-in, no token and no credential; others read it through `lookup`.
"""
