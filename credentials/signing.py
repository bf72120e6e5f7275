"""Have the signer sign documents that somebody approved, and look at a sample of its answers.

No transaction is open meanwhile: the signer is another process, perhaps on another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from credentials.document import TYP, Document
from credentials.issuer_keys import CREDENTIAL_KEYS
from credentials.ports import CredentialServices
from crypto.approvals import Approval
from crypto.errors import SigningRefusedError
from crypto.jose import SUITE_ALG, assemble, signing_input


@dataclass(frozen=True, slots=True)
class Approved:
    """An approval, and how to get the ids of all items that it covers (`jti`), in their order."""

    approval: Approval
    item_ids: Callable[[], Sequence[str]]


def sign_documents(
    by: CredentialServices, documents: Sequence[Document], *, approved: Approved
) -> list[dict[str, str]]:
    """Sign all documents, one call a suite; return the tokens of each by suite.

    Raises:
        SigningRefusedError: The approval has expired or does not cover these.
        SignatureSampleError: A sampled answer does not verify with the other engine.
        SignerUnavailableError: The signer does not answer.
    """
    owner = approved.approval.owner
    tokens: list[dict[str, str]] = [{} for _ in documents]
    for suite in documents[0].payloads:
        alg = SUITE_ALG[suite]
        key = by.signer.active_key(CREDENTIAL_KEYS, owner, alg)
        inputs = [
            signing_input(document.payloads[suite], typ=TYP, alg=alg, key_id=key.key_id) for document in documents
        ]
        signatures = _sign(by, approved, alg, inputs)
        by.sampler.check(key, inputs, signatures)
        for token, message, signature in zip(tokens, inputs, signatures, strict=True):
            token[suite] = assemble(message, signature)
    return tokens


def _sign(by: CredentialServices, approved: Approved, alg: str, inputs: Sequence[bytes]) -> tuple[bytes, ...]:
    owner, batch_id = approved.approval.owner, approved.approval.batch_id
    try:
        return by.signer.sign_many(CREDENTIAL_KEYS, owner, alg, inputs, batch_id=batch_id)
    except SigningRefusedError as error:
        if error.reason not in ("batch", "batch_expired"):
            raise
    # After its start the signer knows no batches, or it knows an older approval: show it this one and ask again.
    by.signer.open_batch(approved.approval, list(approved.item_ids()))
    return by.signer.sign_many(CREDENTIAL_KEYS, owner, alg, inputs, batch_id=batch_id)
