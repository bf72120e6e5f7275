"""Accredit what the officers registered: keys in the signer, statements down the tree, the status service.

A worker's step, idempotent: a school that is registered is accredited at the next turn, and a
statement that nears its end is renewed. What was withdrawn stays so until a person accredits it
anew. Which types a school may issue follows from its kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from credentials.issuer_setup import ensure_issuer_keys, ensure_status_keys, ensure_status_list
from credentials.types import TYPES
from idp.directory import lookup
from ledger.registry.accreditation import Draft, accredit, ensure_authority_keys, standing_statement
from ledger.registry.entities import parse_entity_id
from ledger.registry.statement import Limits, Names, authority_claims, school_claims, status_service_claims
from ledger.registry.withdrawal import is_withdrawn
from server.parts import Parts

PATH_LENGTH_BELOW: Final = {1: 2, 2: 1, 3: 0}
"""By how many levels an authority stands below the root: authorities its superior may yet have under it."""


def run_once(parts: Parts) -> int:
    """Make each statement that is missing; return how many were made."""
    return sum(1 for draft in _drafts(parts) if _made(parts, draft))


def _made(parts: Parts, draft: Draft) -> bool:
    with parts.database.read() as session:
        stands = standing_statement(session, draft, at=parts.clock.now()) is not None
        if stands or is_withdrawn(session, draft.subject):
            return False
    accredit(parts.database, draft, by=parts.accreditation)
    return True


def _drafts(parts: Parts) -> Iterator[Draft]:
    installation, addresses = parts.installation, parts.credentials.addresses
    province = installation.province_digits
    root, service = installation.root_id, installation.status_id
    ensure_authority_keys(parts.signer, root)
    status_keys = ensure_status_keys(parts.signer, addresses)
    ensure_status_list(parts.credentials, province)
    claims = status_service_claims(province=province, status_keys=status_keys)
    yield Draft(root, service, ensure_authority_keys(parts.signer, service), claims)

    with parts.database.read() as session:
        issuing = {kind for type_ in TYPES.values() for kind in type_.school_types}
        schools = lookup.schools_of_types(session, sorted(issuing))
        authorities = {code for school in schools for code in school.authority_codes[:-1]}
        names = lookup.organisation_names(session, authorities)

    types = tuple(sorted(TYPES))
    for school in schools:
        # From just below the root down to the school's own authority; each is spoken for by the one above.
        below_root = list(reversed(school.authority_codes[:-1]))
        for depth, code in enumerate(below_root, start=1):
            superior = root if depth == 1 else installation.authority_id(below_root[depth - 2])
            entity = installation.authority_id(code)
            limits = Limits((province,), tuple(sorted(issuing)), types)
            length = PATH_LENGTH_BELOW[depth]
            claims = authority_claims(names=Names(*names[code]), limits=limits, max_path_length=length)
            yield Draft(superior, entity, ensure_authority_keys(parts.signer, entity), claims)
        superior = installation.authority_id(below_root[-1]) if below_root else root
        entity = installation.school_id(school.code)
        claims = school_claims(
            names=Names(school.name, school.name_en or None),
            school=parse_entity_id(entity),
            credential_types=[vct for vct, type_ in TYPES.items() if school.type in type_.school_types],
            issuing_keys=ensure_issuer_keys(parts.signer, addresses, school.code),
        )
        yield Draft(superior, entity, ensure_authority_keys(parts.signer, entity), claims)
