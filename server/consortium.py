"""An installation on a chain of several organisations: its nodes, contracts and keys, and our part in the panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ledger.chain.base import CHECKPOINTS, REGISTRY, ContractName, TreeAlg, log_id_of
from ledger.chain.consortium import Consortium
from ledger.chain.deployments import Deployment, DeploymentsFile, Panel
from ledger.chain.keys import WRITERS, address_of, read_key, writers_in
from ledger.chain.rpc import (
    PROFILES,
    Profile,
    RpcChain,
    agreeing,
    honest_label,
    http_provider,
    provider_of,
    told_validators,
)
from server.parts import Parts, derived, key_folder
from server.settings import ChainSettings
from server.shards import known_shards

KEY: Final = b"chain/"


def profile_of(chain: ChainSettings) -> Profile:
    """Return how this kind of chain differs from others, as the settings have it."""
    profile = PROFILES[chain.profile]
    return profile if chain.confirmations is None else replace(profile, confirmations=chain.confirmations)


def rpc_chain(parts: Parts) -> RpcChain:
    """Return the chain behind the nodes of the settings. Nothing but the number of validators is asked of them.

    Raises:
        NotDeployedError: The deployments' file names no finished deployment.
    """
    chain, profile = parts.settings.rpc_chain, profile_of(parts.settings.rpc_chain)
    nodes = [http_provider(url) for url in chain.rpc]
    told = next((count for count in (told_validators(node, profile) for node in nodes) if count), None)
    return RpcChain(
        nodes,
        profile,
        chain_id=chain.id,
        contracts=deployments_file(parts).current.addresses,
        keys=writers(parts),
        agree=chain.agree or agreeing(len(nodes)),
        label=honest_label(profile, validators=told or chain.validators, operators=chain.operators),
    )


def deployments_file(parts: Parts) -> DeploymentsFile:
    """Return the file of deployments: the consortium's, or one in the data folder."""
    chain = parts.settings.rpc_chain
    default = parts.settings.data_dir / "chain" / f"deployments-{chain.id}.json"
    path = chain.deployments or default
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return DeploymentsFile(path)


def writers(parts: Parts) -> Mapping[ContractName, bytes]:
    """Return the keys of our writers: from files, or derived from the installation's own secret."""
    folder = parts.settings.rpc_chain.keys
    if folder is not None:
        return writers_in(folder)
    secret = key_folder(parts.settings).load_or_create("signing")
    return {name: derived(secret, KEY + name.encode()) for name in WRITERS}


@dataclass(frozen=True, slots=True)
class OurMember:
    """Our member of the panel, where its key is at hand: it deploys, and proposes or approves what we need."""

    parts: Parts
    consortium: Consortium
    address: str

    def deploy(self, panel: Panel | None = None) -> Deployment:
        """See to it that the contracts stand, under a panel of our member alone unless another is given."""
        file = deployments_file(self.parts)
        return self.consortium.deploy(file, panel or Panel(members=(self.address,)))

    def settle(self, province_code: str, province_digest: bytes) -> list[str]:
        """See to it that our shards and province are admitted and our writers can pay; return what waits for others."""
        deployment = deployments_file(self.parts).current
        addresses = {name: address_of(key) for name, key in writers(self.parts).items()}
        self.consortium.fund(list(addresses.values()))
        first = self.parts.installation.log_origin
        origins = [shard.origin for shard in known_shards(self.parts.log)] or [first]
        waiting = {
            **{
                "open-log" if origin == first else f"open-log {origin}": self.consortium.open_log(
                    deployment, log_id_of(origin), TreeAlg.SM3, addresses[CHECKPOINTS]
                )
                for origin in origins
            },
            "add-province": self.consortium.add_province(
                deployment, province_code, province_digest, addresses[REGISTRY]
            ),
        }
        return [f"{what}: 0x{proposal.hex()}" for what, proposal in waiting.items() if proposal is not None]


def our_member(parts: Parts, key: bytes | None = None) -> OurMember | None:
    """Return our member of the panel; None where its key is kept elsewhere, as it should be.

    Raises:
        ChainUnavailableError: No node answers.
    """
    chain = parts.settings.rpc_chain
    if key is None and chain.member_key is None:
        return None
    found = key or (b"" if chain.member_key is None else read_key(chain.member_key))
    node = provider_of(chain.rpc, chain_id=chain.id)
    return OurMember(parts, Consortium(node, profile_of(chain), chain_id=chain.id, key=found), address_of(found))
