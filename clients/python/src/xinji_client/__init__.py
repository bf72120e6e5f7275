"""Xinji's client for other people's machines: check a credential with nobody's word for it.

Independent of the server: it shares no code with it, only the formats and the test
vectors. `verify.verify` is the whole check in one function; `cli` is `xinji-verify`.
"""
