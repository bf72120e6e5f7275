"""deploy/besu and deploy/fisco: nothing of them is run here, so what can be checked without running is checked."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]
from typer.main import get_command

from ledger.chain.artifact import ARTIFACTS, CONTRACTS
from ledger.chain.rpc import PROFILES
from ledger.chain.sending import CREATION_GAS, GAS
from server.commands.ledger import app
from server.settings import ChainSettings

DEPLOY: Final = Path(__file__).parents[3] / "deploy"
BESU: Final = DEPLOY / "besu"
FISCO: Final = DEPLOY / "fisco"
FILES: Final = sorted(path for folder in (BESU, FISCO) for path in folder.iterdir() if path.is_file())
COMPOSE: Final = [path for path in FILES if path.name.startswith("compose")]
# Operations by the fork that brought them (EIP-3855, -4844, -1153, -5656, -7516).
LATER: Final = {0x5F: "shanghai", 0x49: "cancun", 0x4A: "cancun", 0x5C: "cancun", 0x5D: "cancun", 0x5E: "cancun"}
FORKS: Final = ("berlin", "london", "shanghai", "cancun")
MOST_CODE: Final = 24_576  # Bytes (EIP-170); Besu's default for `contractSizeLimit`.
BFT_MIX_HASH: Final = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"


def compose(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content


def ini(path: Path) -> ConfigParser:
    found = ConfigParser(interpolation=None, comment_prefixes=(";",), strict=True)
    found.read_string(path.read_text("utf-8"))
    return found


def genesis() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((BESU / "qbft-config.json").read_text("utf-8"))
    return content


def operations(code: bytes) -> Iterator[int]:
    """Return a code's operations without what PUSH puts behind itself."""
    place = 0
    while place < len(code):
        operation = code[place]
        yield operation
        place += 1 + (operation - 0x5F if 0x60 <= operation <= 0x7F else 0)


def fork_of(code: bytes) -> str:
    """Return the newest fork whose operations a contract may need; the compiler's last bytes are data."""
    length = int.from_bytes(code[-2:], "big") + 2
    found = {LATER.get(operation, "london") for operation in operations(code[:-length])}
    return max(found, key=FORKS.index)


# Honest, pinned, private


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix in {".md", ".yaml", ".toml", ".ini", ".genesis"}]
)
def test_each_file_says_that_it_was_not_run_here(path: Path) -> None:
    begin = "\n".join(path.read_text("utf-8").splitlines()[:12]).lower()
    assert "not run here" in begin


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_images_are_pinned_and_nothing_is_published(path: Path) -> None:
    for name, service in compose(path)["services"].items():
        assert re.search(r":\d+\.\d+\.\d+(@sha256:|$)", service["image"]), name
        assert "ports" not in service
        assert service["network_mode"] == "host"
        assert "privileged" not in service
        assert not any("docker.sock" in volume for volume in service["volumes"])


@pytest.mark.parametrize("folder", [BESU, FISCO])
def test_a_rehearsal_has_four_validators_and_a_node_for_xinji(folder: Path) -> None:
    services = compose(folder / "compose.yaml")["services"]
    assert sorted(services) == ["rpc", "validator1", "validator2", "validator3", "validator4"]
    own = [volume for service in services.values() for volume in service["volumes"] if volume.startswith("./nodes/")]
    assert len(set(own)) == len(services)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_address_is_open_to_all_and_none_is_public(path: Path) -> None:
    text = path.read_text("utf-8")
    for found in re.findall(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])", text):
        address = ip_address(found)
        assert isinstance(address, IPv4Address)
        assert not address.is_unspecified
        assert address.is_private, found
    assert "[::]" not in text
    assert 'host-allowlist=["*"' not in text
    assert "cors-origins" not in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_secret_and_no_default_password(path: Path) -> None:
    text = path.read_text("utf-8").replace(BFT_MIX_HASH, "")
    assert not re.search(r"(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])", text)
    assert not re.search(r"(?i)PRIVATE KEY-----|(password|passwd|secret|token)\s*[=:]\s*\S", text)


def test_rehearsal_ports_of_besu_are_all_different_and_local() -> None:
    ports: list[str] = []
    for service in compose(BESU / "compose.yaml")["services"].values():
        options = dict(argument.removeprefix("--").split("=", 1) for argument in service["command"])
        assert options["p2p-interface"] == options["p2p-host"] == "127.0.0.1"
        ports += [value for name, value in options.items() if name.endswith("-port")]
    assert len(ports) == len(set(ports)) == 15


def test_an_organisation_must_say_its_address_and_its_folder() -> None:
    text = (BESU / "compose.organisation.yaml").read_text("utf-8")
    assert re.findall(r"\$\{(\w+)[^:\w]", text) == []
    assert set(re.findall(r"\$\{(\w+):\?", text)) == {"P2P_ADDRESS", "BESU_DATA"}
    text = (FISCO / "compose.organisation.yaml").read_text("utf-8")
    assert set(re.findall(r"\$\{(\w+):\?", text)) == {"FISCO_SHA256", "FISCO_NODE"}


# Besu


def test_the_genesis_has_what_qbft_without_fees_needs() -> None:
    content = genesis()["genesis"]
    config = content["config"]
    assert set(config["qbft"]) == {"blockperiodseconds", "epochlength", "requesttimeoutseconds"}
    assert config["qbft"]["requesttimeoutseconds"] >= 2 * config["qbft"]["blockperiodseconds"]
    assert config["zeroBaseFee"] is True
    assert config["londonBlock"] == 0  # The profile signs type-2 transactions (EIP-1559).
    assert (content["mixHash"], content["difficulty"], content["nonce"]) == (BFT_MIX_HASH, "0x1", "0x0")
    assert content["alloc"] == {}
    assert "extraData" not in content  # Besu makes it of the validators' public keys.
    fees = PROFILES["besu-qbft"].fees
    assert (fees.gas_price, fees.legacy) == (0, False)


def test_keys_are_made_by_their_organisations() -> None:
    nodes = genesis()["blockchain"]["nodes"]
    assert nodes["generate"] is False
    assert len(nodes["keys"]) == 4


@pytest.mark.parametrize("name", CONTRACTS)
def test_our_contracts_fit_the_genesis(name: Any) -> None:
    artifact, content = ARTIFACTS[name], genesis()["genesis"]
    compiled = json.loads((DEPLOY.parent / f"ledger/chain/contracts/artifacts/{name}.json").read_text("utf-8"))
    assert compiled["evmVersion"] == "paris"
    given = [fork for fork in FORKS if f"{fork}Block" in content["config"] or f"{fork}Time" in content["config"]]
    assert FORKS.index(fork_of(artifact.deployed)) <= FORKS.index(given[-1])
    assert len(artifact.deployed) <= content["config"].get("contractSizeLimit", MOST_CODE)
    assert max(CREATION_GAS, *GAS.values()) <= int(content["gasLimit"], 16)


def test_an_operation_of_a_later_fork_is_seen() -> None:
    tail = b"\x00\x00"
    assert fork_of(b"\x60\x5f\x50" + tail) == "london"  # PUSH1 0x5f: data, not PUSH0.
    assert fork_of(b"\x5f\x50" + tail) == "shanghai"
    assert fork_of(b"\x5f\x5e" + tail) == "cancun"


@pytest.mark.parametrize("name", ["validator.toml", "rpc.toml"])
def test_nodes_take_no_fees_and_only_named_peers_and_accounts(name: str) -> None:
    options = tomllib.loads((BESU / name).read_text("utf-8"))
    assert options["min-gas-price"] == 0
    assert options["discovery-enabled"] is False
    assert options["permissions-nodes-config-file-enabled"] is True
    assert options["permissions-accounts-config-file-enabled"] is True
    assert (options["rpc-http-host"], options["metrics-host"]) == ("127.0.0.1", "127.0.0.1")
    assert (options["sync-mode"], options["data-storage-format"]) == ("FULL", "FOREST")
    governing = {"QBFT", "PERM"} if name == "validator.toml" else set()
    assert set(options["rpc-http-api"]) == {"ETH", "NET", "WEB3"} | governing


def test_every_named_peer_is_allowed() -> None:
    allowed = tomllib.loads((BESU / "permissions_config.example.toml").read_text("utf-8"))
    static = json.loads((BESU / "static-nodes.example.json").read_text("utf-8"))
    assert set(static) <= set(allowed["nodes-allowlist"])
    assert len(static) == 5


def test_alerts_are_rules() -> None:
    (group,) = compose(BESU / "alerts.yaml")["groups"]
    assert {"alert", "expr", "for", "annotations"} == set.union(*(set(rule) for rule in group["rules"]))


# FISCO BCOS


def test_the_genesis_of_fisco_takes_our_transactions() -> None:
    found = ini(FISCO / "config.genesis")
    assert found["chain"]["sm_crypto"] == "false"  # Transactions of web3.py are secp256k1.
    assert found["executor"]["is_wasm"] == "false"
    assert found["executor"]["is_auth_check"] == "true"
    assert found["features"]["feature_evm_address"] == "true"  # Addresses are computed before deploying.
    assert found["features"]["feature_evm_timestamp"] == "true"
    assert int(found["tx"]["gas_limit"]) >= max(CREATION_GAS, *GAS.values())
    assert len([name for name in found["consensus"] if name.startswith("node.")]) == 4
    fees = PROFILES["fisco-web3"].fees
    assert (fees.gas_price, fees.legacy) == (0, True)


@pytest.mark.parametrize(("name", "web3"), [("config.ini", "false"), ("config.rpc.ini", "true")])
def test_nodes_of_fisco_listen_on_private_addresses(name: str, web3: str) -> None:
    found = ini(FISCO / name)
    assert found["web3_rpc"]["enable"] == web3
    assert found["web3_rpc"]["listen_ip"] == found["rpc"]["listen_ip"] == "127.0.0.1"
    assert found["rpc"]["enable_ssl"] == "true"
    assert ip_address(found["p2p"]["listen_ip"]).is_private
    assert len(found["certificate_whitelist"]) == 5
    peers = json.loads((FISCO / "nodes.example.json").read_text("utf-8"))["nodes"]
    assert f"{found['p2p']['listen_ip']}:{found['p2p']['listen_port']}" in peers


# The guides say what the files hold


@pytest.mark.parametrize("folder", [BESU, FISCO])
def test_guides_name_the_files_and_the_chain(folder: Path) -> None:
    guide = (folder / "README.md").read_text("utf-8")
    for path in folder.iterdir():
        if path.is_file() and path.name not in {"README.md", ".gitignore"} and not path.name.startswith("nodes."):
            assert f"`{path.name}`" in guide, path.name
    chain_id = genesis()["genesis"]["config"]["chainId"]
    if folder is FISCO:
        chain_id = int(ini(FISCO / "config.genesis")["web3"]["chain_id"])
        assert hex(chain_id) in guide
    assert f"--chain-id {chain_id}" in guide


def test_the_guide_names_settings_that_there_are() -> None:
    named = set(re.findall(r"XINJI_CHAIN_([A-Z_]+[A-Z])", (BESU / "README.md").read_text("utf-8")))
    assert {name.lower() for name in named} <= set(ChainSettings.model_fields)
    assert {"ENGINE", "RPC", "ID", "DEPLOYMENTS", "KEYS"} <= named


def test_the_guides_name_commands_that_there_are() -> None:
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    for folder in (BESU, FISCO):
        for name in re.findall(r"xinji ledger ([a-z-]+)", (folder / "README.md").read_text("utf-8")):
            assert name in known, name
