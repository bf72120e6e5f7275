"""A log's files in an object store that speaks S3 (AWS, MinIO, Ceph, OBS and others).

The store must honour conditional puts (`If-None-Match: *`, `If-Match`): files are only ever
created, and the checkpoint is changed by compare-and-swap. `probe` finds out whether it does.
Credentials come from where obstore looks for them (the environment, the machine's role).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final, cast

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from ledger.errors import FilesUnavailableError, TamperedTilesError
from ledger.storage.files import Change

CONNECTIONS: Final = 16
ATTEMPTS: Final = 20
TIMEOUT: Final = timedelta(seconds=20)
RETRY_FOR: Final = timedelta(seconds=30)


class ObjectStore:
    """Keeps `ledger.storage.files.Files` below `prefix` in a bucket."""

    def __init__(self, bucket: str, prefix: str, *, endpoint: str | None = None, **config: Any) -> None:
        """Use `bucket`; `config` as `obstore.store.S3Config` has it. Plain http only where `endpoint` says so."""
        self._place = (bucket, prefix)
        self._options = {"endpoint": endpoint, **config}
        if endpoint is not None:
            config["endpoint"] = endpoint
        self._store = S3Store(
            bucket,
            prefix=prefix,
            config=cast("Any", {"conditional_put": "etag", **config}),
            client_options={"timeout": TIMEOUT, "allow_http": bool(endpoint and endpoint.startswith("http://"))},
            retry_config={"max_retries": 3, "retry_timeout": RETRY_FOR},
        )

    def below(self, name: str) -> ObjectStore:
        """See `Files.below`."""
        bucket, prefix = self._place
        return ObjectStore(bucket, f"{prefix}/{name}", **self._options)

    def read(self, name: str) -> bytes | None:
        """See `Files.read`."""
        return self._get(name)[0]

    def write_new(self, files: Mapping[str, bytes]) -> None:
        """See `Files.write_new`."""
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="files") as pool:
            for _ in pool.map(self._create, files.keys(), files.values()):
                pass

    def update(self, name: str, change: Change) -> bool:
        """See `Files.update`.

        Raises:
            FilesUnavailableError: Others keep changing it, or the store does not answer.
        """
        for _ in range(ATTEMPTS):
            current, tag = self._get(name)
            content = change(current)
            if content is None:
                return False
            try:
                obstore.put(
                    self._store,
                    name,
                    content,
                    mode="create" if current is None else {"e_tag": tag},
                    use_multipart=False,
                )
            except (AlreadyExistsError, PreconditionError):
                continue  # Somebody was faster: look again.
            except BaseError as error:
                raise _unavailable(error) from error
            return True
        raise FilesUnavailableError(f"{name} keeps being changed by others")

    def names(self, under: str) -> Iterator[str]:
        """See `Files.names`."""
        try:
            for some in obstore.list(self._store, under, chunk_size=1000):
                for found in some:
                    yield found["path"]
        except BaseError as error:
            raise _unavailable(error) from error

    def remove(self, under: str) -> int:
        """See `Files.remove`."""
        names = list(self.names(under))
        for name in names:
            try:
                obstore.delete(self._store, name)
            except FileNotFoundError:
                continue
            except BaseError as error:
                raise _unavailable(error) from error
        return len(names)

    def replace(self, name: str, content: bytes, *, aside: str) -> None:
        """See `Files.replace`."""
        damaged = self.read(name)
        if damaged is not None:
            self._create(aside, damaged)
        try:
            obstore.put(self._store, name, content, use_multipart=False)
        except BaseError as error:
            raise _unavailable(error) from error

    def probe(self) -> None:
        """Make sure that the store refuses to create a file twice, and to change one that has changed.

        Raises:
            FilesUnavailableError: It does not: two sequencers could overwrite each other here.
        """
        name = f"probe/{secrets.token_hex(8)}"
        obstore.put(self._store, name, b"1", mode="create", use_multipart=False)
        tag = self._get(name)[1]
        try:
            for mode, content in (("create", b"2"), ({"e_tag": tag}, b"2"), ({"e_tag": tag}, b"3")):
                try:
                    obstore.put(self._store, name, content, mode=mode, use_multipart=False)  # type: ignore[arg-type]
                except (AlreadyExistsError, PreconditionError):
                    continue
            if self.read(name) != b"2":
                raise FilesUnavailableError("the object store ignores conditional puts: it cannot keep a log")
        finally:
            obstore.delete(self._store, name)

    def _create(self, name: str, content: bytes) -> None:
        try:
            obstore.put(self._store, name, content, mode="create", use_multipart=False)
        except AlreadyExistsError:
            if self.read(name) != content:
                raise TamperedTilesError(f"{name} exists with other bytes: not overwritten") from None
        except BaseError as error:
            raise _unavailable(error) from error

    def _get(self, name: str) -> tuple[bytes | None, str | None]:
        try:
            found = obstore.get(self._store, name)
            return bytes(found.bytes()), found.meta["e_tag"]
        except FileNotFoundError:
            return None, None
        except BaseError as error:
            raise _unavailable(error) from error


def _unavailable(error: BaseError) -> FilesUnavailableError:
    return FilesUnavailableError(f"the object store does not answer: {type(error).__name__}")
