"""The provider's world, shared with the integration tests."""

from tests.integration.idp.conftest import keyring, small_world

__all__ = ["keyring", "small_world"]
