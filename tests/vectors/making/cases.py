"""The cases: each a valid bundle, or a bundle with the one defect that its name tells.

What is expected is written by hand, from the rules in the folder's README; no verifier is
asked. A step that is not named is expected as in a valid bundle.
"""

from __future__ import annotations

from tests.vectors.making.case import Case
from tests.vectors.making.integrity_cases import INTEGRITY_CASES
from tests.vectors.making.issuer_cases import ISSUER_CASES
from tests.vectors.making.log_cases import LOG_CASES, OTHER_CASES, WITNESS_CASES
from tests.vectors.making.status_cases import STATUS_CASES
from tests.vectors.making.status_log_cases import STATUS_LOG_CASES
from tests.vectors.making.valid_cases import VALID_CASES

CASES: dict[str, Case] = (
    VALID_CASES
    | INTEGRITY_CASES
    | ISSUER_CASES
    | STATUS_CASES
    | STATUS_LOG_CASES
    | LOG_CASES
    | WITNESS_CASES
    | OTHER_CASES
)
