"""Everything that processes are made of, built from the settings once: the composition's lower half.

Nothing here listens or loops. `server/app.py` mounts routes on these parts, `server/workers.py`
runs steps with them.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from credentials.addresses import Addresses
from credentials.few import few_holders
from credentials.ports import CredentialServices
from crypto.blind import BlindIndex
from crypto.envelope import FieldVault
from crypto.hashes import hkdf_expand_sm3, hkdf_extract_sm3, hmac_sm3
from crypto.kek import KekFolder
from crypto.keyring import KeyRing
from crypto.signer_client import SignerClient
from crypto.signing import Signer
from idp.authn.activation import revoke_access
from idp.directory.services import DirectoryServices
from idp.routes.services import IdpServices, build_idp
from kernel.clock import Clock, SystemClock
from kernel.csrf import Csrf
from kernel.db import Database
from kernel.pages import Pages
from ledger.bundles import bundle_anchor
from ledger.formats.checkpoint import Organisation, WitnessPolicy
from ledger.formats.vkey import parse_vkey
from ledger.log import LogServices
from ledger.registry.accreditation import Accreditation
from ledger.storage.object_store import ObjectStore
from ledger.storage.tiles import TileFolder, Tiles
from ledger.submission import DatabaseLog
from ledger.witnessing import HttpWitness
from server.adapters import IdpDirectory
from server.settings import Installation, Settings, load_installation

ROOT: Final = Path(__file__).parents[1]
PAGE_FOLDERS: Final = tuple(
    ROOT / name
    for name in ("kernel", "server", "crypto", "idp", "idp/directory", "idp/platforms", "credentials", "ledger")
)
FEW_HOLDERS: Final = 100
LONGEST_SOCKET_PATH: Final = 100  # A Unix socket's address holds 107 bytes.


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one installation, shared by its routes and its workers."""

    settings: Settings
    installation: Installation
    clock: Clock
    database: Database
    signer: Signer
    csrf: Csrf
    pages: Pages
    directory: DirectoryServices
    idp: IdpServices
    log: LogServices
    accreditation: Accreditation
    credentials: CredentialServices


def key_folder(settings: Settings) -> KekFolder:
    """Open the folder of the key-encryption keys."""
    return KekFolder(settings.key_folder, data_folder=settings.data_dir)


def signer_keys(settings: Settings) -> Path:
    """Return the folder of the signer's key ring."""
    return settings.data_dir / "signer" / "keys"


def socket_path(settings: Settings) -> Path:
    """Return where the signer listens; a long data path is replaced by a short one of the same meaning."""
    path = settings.data_dir / "signer" / "socket"
    if len(str(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hmac_sm3(b"xinji/socket", str(path).encode()).hex()[:16]
    return Path(tempfile.gettempdir()) / f"xinji-{name}" / "socket"


def build_parts(settings: Settings, *, port: int | None = None, clock: Clock | None = None) -> Parts:
    """Build the parts of the installation in the data folder. `port` moves the OIDC issuer on loopback.

    Raises:
        SettingsError: There is no installation, or the settings contradict it.
    """
    installation = load_installation(settings)
    clock = clock or SystemClock()
    keks = key_folder(settings)
    database = Database(settings.database, synchronous=settings.sqlite_synchronous)
    signer = SignerClient(socket_path(settings))
    fields, cookies = keks.load_or_create("fields"), keks.load_or_create("cookies")
    secure = installation.base_url.startswith("https://")
    csrf = Csrf(lambda data: hmac_sm3(derived(cookies, b"csrf"), data), secure=secure)
    directory = DirectoryServices(
        vault=FieldVault(fields, purpose="directory"),
        index=BlindIndex(keks.load_or_create("blind-index"), "v1"),
        codes=BlindIndex(derived(cookies, b"activation"), "v1"),
        clock=clock,
        revoke_access=revoke_access,
    )
    idp = build_idp(
        issuer=_oidc_issuer(installation, port),
        database=database,
        clock=clock,
        keyring=KeyRing(settings.data_dir / "oidc-keys", keks.load_or_create("signing"), clock),
        directory=directory,
        cookie_key=cookies,
        fields_key=fields,
        pairwise_key=keks.load_or_create("pairwise"),
    )
    log = _log(settings, installation, database, signer, clock)
    writer = DatabaseLog(clock)
    credentials = CredentialServices(
        database=database,
        clock=clock,
        signer=signer,
        log=writer,
        tiles=log.tiles,
        directory=IdpDirectory(database, directory.vault),
        vault=FieldVault(fields, purpose="credentials"),
        blind=BlindIndex(derived(keks.load_or_create("blind-index"), b"credentials"), "v1"),
        share_key=keks.load_or_create("shares"),
        approval_key=keks.load_or_create("approvals"),
        addresses=Addresses(installation.base_url, installation.province),
        data_dir=settings.data_dir,
        status_interval=timedelta(seconds=installation.rhythm.status),
        trust_file=lambda: _read(trust_path(settings)),
        anchor_of=partial(bundle_anchor, tiles=log.tiles),
        log_window=log.window,
        log_window_of_few=log.window_of_few,
    )
    return Parts(
        settings=settings,
        installation=installation,
        clock=clock,
        database=database,
        signer=signer,
        csrf=csrf,
        pages=Pages(PAGE_FOLDERS, csrf),
        directory=directory,
        idp=idp,
        log=log,
        accreditation=Accreditation(signer, writer, clock),
        credentials=credentials,
    )


def trust_path(settings: Settings) -> Path:
    """Return where the trust file lies."""
    return settings.data_dir / "trust.json"


def _log(
    settings: Settings, installation: Installation, database: Database, signer: Signer, clock: Clock
) -> LogServices:
    organisations: dict[str, list[Any]] = {}
    for witness in installation.witnesses:
        organisations.setdefault(witness.organisation, []).extend(parse_vkey(key) for key in witness.vkeys)
    policy = WitnessPolicy(
        installation.quorum if organisations else 0,
        tuple(Organisation(name, tuple(keys)) for name, keys in organisations.items()),
    )
    return LogServices(
        database=database,
        tiles=log_tiles(settings),
        origin=installation.log_origin,
        signer=signer,
        witnesses=tuple(HttpWitness(witness.organisation, witness.url) for witness in installation.witnesses),
        policy=policy,
        clock=clock,
        window=timedelta(seconds=installation.rhythm.sequencing),
        few=few_holders(FEW_HOLDERS),
        window_of_few=timedelta(seconds=installation.rhythm.window_of_few),
    )


def log_tiles(settings: Settings) -> Tiles:
    """Return where the log's files are kept."""
    if settings.log_bucket is None:
        return TileFolder(settings.data_dir / "log")
    bucket, _, prefix = settings.log_bucket.partition("/")
    return Tiles(ObjectStore(bucket, prefix or "log", endpoint=settings.log_endpoint))


def _oidc_issuer(installation: Installation, port: int | None) -> str:
    base, _, fixed = installation.base_url.rpartition(":")
    if port is None or not fixed.isdigit() or base not in ("http://localhost", "http://127.0.0.1", "http://[::1]"):
        return installation.base_url
    return f"{base}:{port}"


def derived(key: bytes, purpose: bytes) -> bytes:
    """Return a key of its own for `purpose`: one key, one use."""
    return hkdf_expand_sm3(hkdf_extract_sm3(b"xinji/derived/1", key), purpose, 32)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
