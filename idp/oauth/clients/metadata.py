"""What a platform registers, in the words of RFC 7591 and OIDC Registration 1.0 §2. Pure.

One model reads it from a dynamic registration, from our pages and from the database. Members
it does not know are left out (RFC 7591 §2). What may stand together is `rules`' business.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from crypto.jose import SGD_SM3_SM2
from crypto.keys import EDDSA, ES256, PS256, RS256
from idp.oauth.scopes import OFFLINE

SIGNING_ALGS: Final = (RS256, PS256, ES256, EDDSA, SGD_SM3_SM2)
"""What the provider signs and verifies with, in the order the metadata lists it."""
FAPI_ALGS: Final = (PS256, ES256, EDDSA)
"""FAPI 2.0 Security Profile §5.4: no RSA PKCS#1 v1.5; SM2 is no registered JOSE algorithm."""

SECRET_METHODS: Final = ("client_secret_basic", "client_secret_post")
KEY_METHODS: Final = ("private_key_jwt",)
TLS_METHODS: Final = ("tls_client_auth", "self_signed_tls_client_auth")
AUTH_METHODS: Final = (*SECRET_METHODS, *KEY_METHODS, *TLS_METHODS, "none")

CODE: Final = "authorization_code"
REFRESH: Final = "refresh_token"
CLIENT_CREDENTIALS: Final = "client_credentials"
IMPLICIT: Final = "implicit"
DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANT_TYPES: Final = (CODE, REFRESH, CLIENT_CREDENTIALS, DEVICE, EXCHANGE, IMPLICIT)

RESPONSE_TYPES: Final = (
    "code",
    "id_token",
    "id_token token",
    "code id_token",
    "code token",
    "code id_token token",
)

MOST_SECONDS: Final = 999_999_999
"""The longest age of a sign-in that can be named: the nine digits of `max_age`."""

Profile = Literal["baseline", "fapi2", "fapi2-messages"]


class ClientMetadata(BaseModel):
    """A platform's metadata. Names are RFC 7591's; `xinji_…` are ours."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    response_types: tuple[str, ...] = ("code",)
    grant_types: tuple[str, ...] = (CODE,)
    application_type: Literal["web", "native"] = "web"
    scope: str = "openid profile"
    contacts: tuple[str, ...] = ()
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None

    token_endpoint_auth_method: str = "client_secret_basic"  # noqa: S105 - the name of a method
    token_endpoint_auth_signing_alg: str | None = None
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None
    tls_client_auth_san_uri: str | None = None
    tls_client_auth_san_ip: str | None = None
    tls_client_auth_san_email: str | None = None

    subject_type: Literal["pairwise"] = "pairwise"
    sector_identifier_uri: str | None = None
    id_token_signed_response_alg: str = RS256
    userinfo_signed_response_alg: str | None = None
    request_object_signing_alg: str | None = None
    authorization_signed_response_alg: str | None = None
    introspection_signed_response_alg: str | None = None

    default_max_age: int | None = Field(default=None, ge=0, le=MOST_SECONDS)
    require_auth_time: bool = False
    default_acr_values: tuple[str, ...] = ()
    initiate_login_uri: str | None = None
    request_uris: tuple[str, ...] = ()

    require_pushed_authorization_requests: bool = False
    require_signed_request_object: bool = False
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    authorization_details_types: tuple[str, ...] = ()

    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    frontchannel_logout_uri: str | None = None
    frontchannel_logout_session_required: bool = False

    require_pkce: bool = True
    """Ours to set, in no dynamic registration: RFC 9700 §2.1.1 lets a confidential client do without."""
    xinji_profile: Profile = "baseline"
    """`fapi2`: the FAPI 2.0 Security Profile; `fapi2-messages`: Message Signing besides."""
    xinji_access_token_format: Literal["opaque", "jwt"] = "opaque"  # noqa: S105 - the name of a format
    xinji_access_token_signed_response_alg: str = ES256
    xinji_resources: tuple[str, ...] = ()
    """The resource servers (RFC 8707) that the platform may ask tokens for."""

    @property
    def public(self) -> bool:
        """Whether the platform cannot prove who it is (RFC 6749 §2.1)."""
        return self.token_endpoint_auth_method == "none"  # noqa: S105 - the name of a method

    @property
    def fapi(self) -> bool:
        """Whether FAPI 2.0's rules bind it."""
        return self.xinji_profile != "baseline"

    @property
    def signs_messages(self) -> bool:
        """Whether FAPI 2.0 Message Signing binds it: signed requests, answers and introspection."""
        return self.xinji_profile == "fapi2-messages"

    @property
    def sender_constrained(self) -> bool:
        """Whether every token of it must be bound to a key (RFC 9449, RFC 8705)."""
        return self.fapi or self.dpop_bound_access_tokens or self.tls_client_certificate_bound_access_tokens

    @property
    def rotates_refresh_tokens(self) -> bool:
        """Whether a refresh token changes at each use: not where it is bound (FAPI 2.0 §5.3.2.1)."""
        return not self.sender_constrained

    @property
    def signature_algs(self) -> tuple[str, ...]:
        """What its assertions and request objects may be signed with."""
        return FAPI_ALGS if self.fapi else SIGNING_ALGS

    def stored(self) -> dict[str, Any]:
        """Return what the database keeps: everything that differs from the default."""
        return self.model_dump(mode="json", exclude_defaults=True)


def with_refresh(metadata: ClientMetadata) -> ClientMetadata:
    """Return the metadata with the refresh grant where the scope holds `offline_access`."""
    if OFFLINE not in metadata.scope.split() or REFRESH in metadata.grant_types:
        return metadata
    return metadata.model_copy(update={"grant_types": (*metadata.grant_types, REFRESH)})


def with_profile(metadata: ClientMetadata) -> ClientMetadata:
    """Return the metadata with what its profile makes sure of, where the platform left it open.

    What it asked for otherwise stays, for the rules to refuse.
    """
    if not metadata.fapi:
        return metadata
    changes: dict[str, Any] = {"require_pushed_authorization_requests": True}
    if "id_token_signed_response_alg" not in metadata.model_fields_set:
        changes["id_token_signed_response_alg"] = PS256
    if metadata.signs_messages:
        changes["require_signed_request_object"] = True
        for name in ("authorization_signed_response_alg", "introspection_signed_response_alg"):
            changes[name] = getattr(metadata, name) or PS256
    return metadata.model_copy(update=changes)
