"""The provider's metadata (OIDC Discovery 1.0 §3, RFC 8414). Pure."""

from __future__ import annotations

from typing import Any

from crypto.jose import SGD_SM3_SM2
from idp.levels import ACR_VALUES
from idp.oauth.authorization.details import TYPES as DETAIL_TYPES
from idp.oauth.authorization.response_modes import RESPONSE_MODES
from idp.oauth.clients.metadata import AUTH_METHODS, GRANT_TYPES, RESPONSE_TYPES, SIGNING_ALGS
from idp.oauth.scopes import CLAIMS, SUPPORTED
from idp.oauth.tokens.proofs import ALGS as PROOF_ALGS


def provider_metadata(issuer: str) -> dict[str, Any]:
    """Return what `/.well-known/openid-configuration` says.

    `gm_jwks_uri` is ours: SM2 keys stand in a set of their own, because stock libraries refuse
    a set with an unknown curve.
    """
    released = [claim for claims in CLAIMS.values() for claim in claims]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/oauth/jwks.json",
        "gm_jwks_uri": f"{issuer}/jwks-gm.json",
        "end_session_endpoint": f"{issuer}/oauth/logout",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "device_authorization_endpoint": f"{issuer}/oauth/device",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "registration_endpoint": f"{issuer}/oauth/register",
        "scopes_supported": list(SUPPORTED),
        "response_types_supported": list(RESPONSE_TYPES),
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(GRANT_TYPES),
        "acr_values_supported": list(ACR_VALUES),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": list(SIGNING_ALGS),
        "gm_signing_alg_values_supported": [SGD_SM3_SM2],
        "userinfo_signing_alg_values_supported": list(SIGNING_ALGS),
        "introspection_signing_alg_values_supported": list(SIGNING_ALGS),
        "dpop_signing_alg_values_supported": list(PROOF_ALGS),
        "tls_client_certificate_bound_access_tokens": True,
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "introspection_endpoint_auth_methods_supported": [method for method in AUTH_METHODS if method != "none"],
        **{
            f"{endpoint}_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGS)
            for endpoint in ("token", "revocation", "introspection")
        },
        "claim_types_supported": ["normal"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "sid", *released],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "code_challenge_methods_supported": ["S256"],
        "ui_locales_supported": ["zh-CN", "en"],
        "display_values_supported": ["page"],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "request_object_signing_alg_values_supported": list(SIGNING_ALGS),
        "require_signed_request_object": False,
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": False,
        "authorization_details_types_supported": list(DETAIL_TYPES),
        "authorization_response_iss_parameter_supported": True,
        "authorization_signing_alg_values_supported": list(SIGNING_ALGS),
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
    }
