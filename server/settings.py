"""Settings from the environment (prefix `XINJI_`), and what is fixed in the data folder.

The base address is fixed when a data folder is made: credential issuers, status lists, the
log's origin and entity ids come from it, never from a request or a port.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kernel.db import Synchronous
from kernel.errors import XinjiError

DEFAULT_PORT: Final = 8000
SEQUENCING: Final = 600
DAY: Final = 86_400


class SettingsError(XinjiError):
    """A setting is missing, contradicts another, or does not fit the data folder."""

    code = "settings"


class ChainSettings(BaseSettings):
    """A chain of several organisations, reached by JSON-RPC. Every field is `XINJI_CHAIN_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="XINJI_CHAIN_", extra="ignore")

    engine: Literal["embedded", "rpc"] = "embedded"
    profile: Literal["besu-qbft", "fisco-web3", "cosmos-evm"] = "besu-qbft"
    rpc: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="The nodes' JSON-RPC addresses, our own first, separated by commas."
    )
    id: int = Field(default=0, ge=0, description="The chain's EIP-155 id.")
    confirmations: int | None = Field(default=None, ge=1, description="How deep a final block lies; the profile's.")
    agree: int | None = Field(
        default=None, ge=1, description="How many nodes must hold a receipt before it is final; a majority of up to 3."
    )
    deployments: Path | None = Field(default=None, description="The consortium's file of deployments.")
    keys: Path | None = Field(
        default=None, description="Folder of the writers' keys, files called as the contracts; derived unless set."
    )
    member_key: Path | None = Field(
        default=None, description="Key of a member of the panel, for trials: it deploys and decides at the start."
    )
    validators: int | None = Field(default=None, ge=1, description="How many there are, where no node says it.")
    operators: int | None = Field(default=None, ge=1, description="How many organisations run the validators.")

    @field_validator("rpc", mode="before")
    @classmethod
    def _by_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.engine == "rpc" and not (self.rpc and self.id):
            raise ValueError("XINJI_CHAIN_ENGINE=rpc needs XINJI_CHAIN_RPC and XINJI_CHAIN_ID")
        if any(urlsplit(url).scheme not in ("http", "https") for url in self.rpc):
            raise ValueError("XINJI_CHAIN_RPC: addresses begin with http:// or https://")
        if self.agree is not None and self.agree > len(self.rpc):
            raise ValueError("XINJI_CHAIN_AGREE is more than there are nodes in XINJI_CHAIN_RPC")
        return self


class Settings(BaseSettings):
    """What an operator sets. Every field is `XINJI_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="XINJI_", extra="ignore")

    data_dir: Path = Path("xinji-data")
    keys_dir: Path | None = Field(default=None, description="Key-encryption keys; must lie outside data_dir.")
    base_url: str | None = Field(default=None, description="Public address; fixed at the first start.")
    database_url: str | None = Field(default=None, description="SQLite in data_dir unless set.")
    sqlite_synchronous: Synchronous = Field(
        default="full", description="`normal`: faster, and a power cut may take back the last commits."
    )
    production: bool = False
    proxy_socket: Path | None = Field(
        default=None, description="A Unix socket on which a TLS proxy speaks; its Client-Cert header is believed."
    )
    proxy_key: SecretStr | None = Field(
        default=None, min_length=32, description="What a TLS proxy sends so that its Client-Cert header is believed."
    )

    log_bucket: str | None = Field(
        default=None, description="`bucket` or `bucket/prefix` of an S3 store for the log's files; else a folder."
    )
    log_endpoint: str | None = Field(default=None, description="The S3 store's address; AWS's own unless set.")
    rpc_chain: ChainSettings = Field(default_factory=ChainSettings, description="`XINJI_CHAIN_*`.")

    @field_validator("sqlite_synchronous", mode="before")
    @classmethod
    def _in_small_letters(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self.data_dir = self.data_dir.expanduser().resolve()
        keys = self.keys_dir or self.data_dir.with_name(self.data_dir.name + ".keys")
        self.keys_dir = keys.expanduser().resolve()
        if self.keys_dir == self.data_dir or self.data_dir in self.keys_dir.parents:
            raise ValueError("XINJI_KEYS_DIR must lie outside XINJI_DATA_DIR: a backup of one must not hold the other")
        return self

    @property
    def key_folder(self) -> Path:
        """The folder of the key-encryption keys."""
        if self.keys_dir is None:
            raise SettingsError("keys_dir is not resolved")
        return self.keys_dir

    @property
    def database(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{self.data_dir / 'xinji.sqlite3'}"


class Rhythm(BaseModel):
    """How often the workers do what outsiders can see, in seconds."""

    sequencing: float = SEQUENCING
    """The window in which new log entries are gathered and shuffled."""
    sequencing_of_few: float | None = None
    """The same for issuers with fewer than 100 holders: a day, or as above where that is less than its default."""
    status: float = 6 * 3600
    """Status lists appear on this rhythm, changed or not."""
    anchoring: float = 60

    @property
    def window_of_few(self) -> float:
        """How long the credentials of an issuer with few holders gather."""
        if self.sequencing_of_few is not None:
            return self.sequencing_of_few
        return DAY if self.sequencing >= SEQUENCING else self.sequencing


class Witness(BaseModel):
    """A witness that the log asks for cosignatures, and whose organisation counts for the quorum."""

    organisation: str
    url: str
    vkeys: list[str]


class Installation(BaseModel):
    """What is fixed in a data folder when it is made (`installation.json`)."""

    base_url: str
    province: str = "410000"
    province_name: str = "河南省教育厅"
    province_name_en: str = "Department of Education of Henan Province"
    demo: bool = False
    witnesses: list[Witness] = []
    quorum: int = 0
    rhythm: Rhythm = Rhythm()

    @property
    def host(self) -> str:
        """Host and port of the base address, as printed in words beside a QR."""
        return urlsplit(self.base_url).netloc

    @property
    def log_origin(self) -> str:
        """The log's origin line."""
        return f"{self.host}/log"

    @property
    def province_digits(self) -> str:
        """The two digits of the province (GB/T 2260)."""
        return self.province[:2]

    def authority_id(self, code: str) -> str:
        """Return the entity id of the authority with a 6-digit `code`."""
        return f"{self.base_url}/authorities/{code}"

    def school_id(self, code: str) -> str:
        """Return the entity id of the school with a 10-digit `code`."""
        return f"{self.base_url}/schools/{code}"

    @property
    def root_id(self) -> str:
        """The entity id of the province, the root of trust."""
        return self.authority_id(self.province)

    @property
    def status_id(self) -> str:
        """The entity id of the province's status service."""
        return f"{self.root_id}/status"


def installation_path(settings: Settings) -> Path:
    """Return where the data folder keeps what is fixed."""
    return settings.data_dir / "installation.json"


def load_installation(settings: Settings) -> Installation:
    """Read what is fixed in the data folder.

    Raises:
        SettingsError: There is none, or `XINJI_BASE_URL` contradicts it.
    """
    path = installation_path(settings)
    if not path.exists():
        raise SettingsError(f"{settings.data_dir} holds no installation: run `xinji init` or `xinji demo` first")
    installation = Installation.model_validate_json(path.read_text("utf-8"))
    if settings.base_url and settings.base_url.rstrip("/") != installation.base_url:
        raise SettingsError(
            f"XINJI_BASE_URL is {settings.base_url}, but {settings.data_dir} was made for {installation.base_url}: "
            "issuers and proofs carry that address, so it cannot change"
        )
    return installation


def save_installation(settings: Settings, installation: Installation) -> None:
    """Write what is fixed, atomically."""
    path = installation_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(installation.model_dump(), ensure_ascii=False, indent=2), "utf-8")
    draft.replace(path)
