"""What anybody fetches: status lists, the trust file, issuer metadata, a share by its look-up id.

Lean handlers: files and short answers, no page, no session cookie.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from credentials import issuer_setup, share_lookup
from credentials.routes.services import address_of, services_of
from credentials.status_list import MEDIA_TYPE
from crypto.encoding import from_b64u
from crypto.errors import InvalidEncodingError
from crypto.jose import jwks
from crypto.keys import ES256, SGD_SM3_SM2
from kernel.access import open_to
from kernel.errors import NotFoundError, TooLargeError
from kernel.problems import InvalidInputError

_LIST: Final = re.compile(r"(?P<number>[1-9][0-9]{0,5})(?P<suffix>\.gm)?", re.ASCII)
_PROVINCE: Final = re.compile(r"[1-9][0-9]", re.ASCII)
_SCHOOL: Final = re.compile(r"[0-9]{10}", re.ASCII)
_LONGEST_QUESTION: Final = 1024
_METADATA_AGE: Final = timedelta(minutes=10)


@open_to("anyone")
async def status_list(request: Request) -> Response:
    """Serve a published status list token: ES256 at the address, SM2 at the address + `.gm`."""
    by = services_of(request)
    province, name = request.path_params["province"], request.path_params["name"]
    match = _LIST.fullmatch(name)
    if match is None or not _PROVINCE.fullmatch(province):
        raise NotFoundError("no such status list")
    path = by.status_folder / province / name
    try:
        token = path.read_bytes()
        changed = path.stat().st_mtime_ns
    except FileNotFoundError as error:
        raise NotFoundError("no such status list") from error
    age = max(1, int(by.status_interval.total_seconds()) // 2)
    headers = {
        "Cache-Control": f"public, max-age={age}",
        "Access-Control-Allow-Origin": "*",
        "ETag": f'"{changed:x}"',
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(token, media_type=MEDIA_TYPE, headers=headers)


@open_to("anyone")
async def trust_file(request: Request) -> Response:
    """Serve the trust file: what this verifier host believes; others pin their own."""
    content = services_of(request).trust_file()
    if content is None:
        raise NotFoundError("no trust file was made yet")
    headers = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
    return Response(content, media_type="application/json", headers=headers)


@open_to("anyone")
async def issuer_metadata(request: Request) -> Response:
    """Serve a school's JWT VC Issuer Metadata (SD-JWT VC §5); SM2 keys stand apart, stock libraries die on them."""
    by = services_of(request)
    code = request.path_params["code"]
    keys = issuer_setup.published_keys(by, code) if _SCHOOL.fullmatch(code) else ()
    if not keys:
        raise NotFoundError("no such issuer")
    content = {
        "issuer": by.addresses.school(code),
        "jwks": jwks(key for key in keys if key.alg == ES256),
        "gm_jwks": jwks(key for key in keys if key.alg == SGD_SM3_SM2),
    }
    age = int(_METADATA_AGE.total_seconds())
    headers = {"Cache-Control": f"public, max-age={age}", "Access-Control-Allow-Origin": "*"}
    return JSONResponse(content, headers=headers)


@open_to("anyone")
async def lookup(request: Request) -> Response:
    """Answer who has a share's look-up id: ciphertext, fresh status, anchor."""
    question = await _question(request)
    try:
        lookup_id = from_b64u(question["id"])
    except (InvalidEncodingError, KeyError, AttributeError) as error:
        raise InvalidInputError("check: id", fields="id") from error
    pin = question.get("pin")
    if not isinstance(pin, str | None) or len(pin or "") > 8:  # noqa: PLR2004 - the longest PIN
        raise InvalidInputError("check: pin", fields="pin")
    found = share_lookup.look_up(services_of(request), lookup_id, pin=pin, address=address_of(request))
    return JSONResponse(found.answer(), headers={"Cache-Control": "no-store"})


async def _question(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_QUESTION:
            raise TooLargeError("the question is too long", limit=1)
    try:
        question = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("check: body", fields="body") from error
    if not isinstance(question, dict):
        raise InvalidInputError("check: body", fields="body")
    return question


def routes() -> list[BaseRoute]:
    """Return the lean routes."""
    return [
        Route("/status/{province}/{name}", status_list, methods=["GET"]),
        Route("/trust.json", trust_file, methods=["GET"]),
        Route("/.well-known/jwt-vc-issuer/schools/{code}", issuer_metadata, methods=["GET"]),
        Route("/v/lookup", lookup, methods=["POST"]),
    ]
