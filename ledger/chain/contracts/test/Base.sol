// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Approvals} from "../src/Approvals.sol";
import {CheckpointAnchor} from "../src/CheckpointAnchor.sol";
import {IssuerRegistry} from "../src/IssuerRegistry.sol";
import {StatusAnchor} from "../src/StatusAnchor.sol";

/// @dev The few of forge's cheats that these tests use.
interface Vm {
    function prank(address sender) external;
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
    function assume(bool condition) external;
}

/// @notice All contracts, with a panel of two of three, played by fixed addresses.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    bytes10 internal constant PROVINCE = "0000410000";
    bytes10 internal constant SERVICE = "S000410000";
    bytes32 internal constant LOG = keccak256("log");
    uint64 internal constant NEVER = type(uint64).max;

    Approvals internal approvals;
    CheckpointAnchor internal anchors;
    IssuerRegistry internal registry;
    StatusAnchor internal statuses;

    uint256 private _salt;

    function member(uint256 number) internal pure returns (address) {
        return address(uint160(0x1000 + number % 3));
    }

    function deploy() internal {
        vm.warp(1_780_000_000);
        vm.roll(1_000);
        address[] memory members = new address[](3);
        for (uint256 i = 0; i < 3; i++) {
            members[i] = member(i);
        }
        address[] memory endorsers = new address[](2);
        (endorsers[0], endorsers[1]) = (address(0x2000), address(0x2001));
        approvals = new Approvals(members, 2, 50);
        anchors = new CheckpointAnchor(approvals, endorsers, 2);
        registry = new IssuerRegistry(approvals, 1, 3);
        statuses = new StatusAnchor(approvals, registry);
    }

    /// @dev Returns whether the panel's call was made.
    function decide(address target, bytes memory data) internal returns (bool done) {
        bytes32 salt = bytes32(++_salt);
        vm.prank(member(0));
        bytes32 id = approvals.propose(target, data, salt);
        vm.prank(member(1));
        approvals.approve(id);
        vm.prank(member(2));
        try approvals.execute(id) {
            done = true;
        } catch {}
    }

    function newIssuer(bytes10 code, bytes10 parent, IssuerRegistry.Level level, address controller, bytes32 evidence)
        internal
        pure
        returns (IssuerRegistry.NewIssuer memory)
    {
        return IssuerRegistry.NewIssuer(code, parent, level, controller, keccak256("key"), evidence, 0, NEVER);
    }

    function addProvince(address controller) internal {
        IssuerRegistry.NewIssuer memory province =
            newIssuer(PROVINCE, registry.ROOT(), IssuerRegistry.Level.Province, controller, keccak256("province"));
        require(decide(address(registry), abi.encodeCall(registry.addIssuer, (province))), "province");
    }
}
