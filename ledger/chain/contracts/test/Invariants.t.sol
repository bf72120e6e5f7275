// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IssuerRegistry} from "../src/IssuerRegistry.sol";
import {CheckpointAnchor} from "../src/CheckpointAnchor.sol";
import {Base} from "./Base.sol";

/// @notice Does anything, as anybody, in any order, and remembers what must hold.
contract Handler is Base {
    address[5] private _people = [address(0x4000), address(0x4001), address(0x4002), address(0x2000), address(0x2001)];

    bytes10[] public codes;
    mapping(bytes10 code => bool) private _listed;
    uint64[] public confirmed;
    uint256 public anchored;
    uint256 public added;
    uint256 public decided;
    uint256 public changed;
    uint256 public paused;
    string public broken;
    uint256 private _evidence;

    constructor() {
        deploy();
        decide(address(anchors), abi.encodeCall(anchors.openLog, (LOG, 2, _people[0])));
        addProvince(_people[0]);
        _list(registry.ROOT());
        _list(PROVINCE);
    }

    function count() external view returns (uint256) {
        return codes.length;
    }

    function confirmations() external view returns (uint256) {
        return confirmed.length;
    }

    function theRegistry() external view returns (IssuerRegistry) {
        return registry;
    }

    function theAnchors() external view returns (CheckpointAnchor) {
        return anchors;
    }

    function log() external pure returns (bytes32) {
        return LOG;
    }

    // Time goes on.

    function pass(uint16 seconds_, uint8 blocks) external {
        vm.warp(block.timestamp + seconds_);
        vm.roll(block.number + blocks % 8);
    }

    // The log.

    function anchor(uint256 who, uint32 growth, bytes32 root, bool honest) external {
        (, uint64 size, bytes32 last,) = anchors.latest(LOG);
        uint64 to = honest ? size + 1 + growth % 1_000 : uint64(growth);
        if (honest) root = keccak256(abi.encode(root));
        address submitter = _submitter();
        address sender = honest ? submitter : _people[who % 5];
        bool stopped = anchors.paused();
        vm.prank(sender);
        try anchors.anchor(LOG, to, root, size, last) {
            anchored++;
            if (stopped) broken = "anchored while paused";
            if (to <= size) broken = "the log shrank";
            if (sender != submitter) broken = "a stranger anchored";
        } catch {}
    }

    function endorse(uint256 who, uint8 back) external {
        (, uint64 size,,) = anchors.latest(LOG);
        for (uint256 i = 0; i < back % 3; i++) {
            size = anchors.anchorAt(LOG, size).previousSize;
        }
        bool stopped = anchors.paused();
        bytes32 root = anchors.anchorAt(LOG, size).root;
        vm.prank(_people[3 + who % 2]);
        try anchors.endorse(LOG, size, root) {
            if (stopped) broken = "endorsed while paused";
            if (anchors.isConfirmed(LOG, size)) confirmed.push(size);
        } catch {}
    }

    function openEpoch(uint64 size, uint256 who, bool latest_) external {
        (, uint64 head,,) = anchors.latest(LOG);
        (, uint32 epoch,) = anchors.stateOf(LOG);
        bool stopped = anchors.paused();
        if (latest_) size = anchors.anchorAt(LOG, head).previousSize;
        if (!decide(address(anchors), abi.encodeCall(anchors.openEpoch, (LOG, size, _people[who % 3])))) return;
        decided++;
        (, uint32 next,) = anchors.stateOf(LOG);
        if (stopped) broken = "an epoch opened while paused";
        if (next != epoch + 1) broken = "epochs are not counted";
        (, uint64 resumed,,) = anchors.latest(LOG);
        if (resumed > head) broken = "an epoch began ahead of the log";
    }

    // The registry.

    function addIssuer(uint256 who, uint256 above, uint8 level, uint16 number, uint256 controller) external {
        IssuerRegistry.NewIssuer memory child = _child(codes[above % codes.length], level, number, controller);
        address parents = registry.controllerOf(child.parent);
        bool stopped = registry.paused();
        bool stands = registry.isTrustedAt(child.parent, registry.chainTime());
        address sender = _somebody(who, parents);
        vm.prank(sender);
        try registry.addIssuer(child) {
            added++;
            _list(child.code);
            if (stopped) broken = "added while paused";
            if (sender != parents) broken = "added by another than the parent";
            if (!stands) broken = "added under a parent that is not trusted";
        } catch {}
    }

    function _child(bytes10 parent, uint8 level, uint16 number, uint256 controller)
        private
        returns (IssuerRegistry.NewIssuer memory)
    {
        IssuerRegistry.Level rank = IssuerRegistry.Level(level % 7);
        // A service carries its authority's code behind an S.
        bytes10 code = _code(rank, number);
        if (rank == IssuerRegistry.Level.Service) code = bytes10((uint80(parent) << 8 >> 8) | (uint80(0x53) << 72));
        return newIssuer(code, parent, rank, _people[controller % 3], _next());
    }

    function addProvince(uint8 number, uint256 controller) external {
        bytes10 code = _code(IssuerRegistry.Level.Province, number);
        IssuerRegistry.NewIssuer memory province =
            newIssuer(code, registry.ROOT(), IssuerRegistry.Level.Province, _people[controller % 3], _next());
        bool stopped = registry.paused();
        if (!decide(address(registry), abi.encodeCall(registry.addIssuer, (province)))) return;
        decided++;
        _list(code);
        if (stopped) broken = "a province added while paused";
    }

    function change(uint256 who, uint256 which, uint8 what, uint64 time, uint256 other) external {
        // Often the same few, so that one change meets another.
        bytes10 code = codes[which % (which % 8 == 0 || codes.length < 5 ? codes.length : 4)];
        IssuerRegistry.Issuer memory before = registry.issuerOf(code);
        bytes32 said = before.versions == 0 ? bytes32(0) : registry.versionOf(code, before.versions).accreditation;
        address parents = registry.controllerOf(before.parent);
        bool stopped = registry.paused();
        uint256 journal = registry.journalLength();
        time = uint64(block.timestamp + (time % 4_000)) - 2_000;
        address sender = _somebody(who, parents);
        bytes memory data;
        what = what % 9;
        if (what == 0) data = abi.encodeCall(registry.renew, (code, keccak256("k"), _next(), time, time + 5_000));
        if (what == 1) data = abi.encodeCall(registry.suspend, (code, _next()));
        if (what == 2) data = abi.encodeCall(registry.resume, (code, _next()));
        if (what == 3) data = abi.encodeCall(registry.retire, (code, said, time, _next()));
        if (what == 4) data = abi.encodeCall(registry.compromise, (code, said, time, _next()));
        if (what == 5) data = abi.encodeCall(registry.merge, (code, codes[other % codes.length], _next()));
        if (what == 6) data = abi.encodeCall(registry.replaceController, (code, _people[other % 3]));
        if (what == 7) {
            data = abi.encodeCall(registry.requestRotation, (code, keccak256("r"), _people[other % 3], _next(), time));
            sender = before.controller;
        }
        if (what == 8) {
            data = abi.encodeCall(registry.completeRotation, (code));
            sender = before.controller;
        }
        vm.prank(sender);
        (bool done,) = address(registry).call(data);
        if (!done) return;
        if (stopped) broken = "changed while paused";
        if (what < 7 && sender != parents) broken = "changed by another than the parent";
        if (what < 6 && registry.journalLength() != journal + 1) broken = "changed without a log entry";
        bool over = before.status == IssuerRegistry.Status.Revoked || before.status == IssuerRegistry.Status.Merged;
        if (over && what != 3 && what != 4) broken = "changed after its end";
        changed++;
    }

    function revoke(uint256 which) external {
        bytes10 code = codes[which % codes.length];
        bool stopped = registry.paused();
        if (!decide(address(registry), abi.encodeCall(registry.revoke, (code, _next())))) return;
        decided++;
        if (stopped) broken = "revoked while paused";
        if (registry.isTrustedAt(code, registry.chainTime())) broken = "revoked and trusted";
    }

    // The pause.

    function pause(uint256 who, bool both) external {
        if (who % 8 != 0) return; // Seldom, or nothing else would happen.
        vm.prank(member(who));
        try registry.pause() {
            paused++;
        } catch {}
        if (!both) return;
        vm.prank(member(who));
        try anchors.pause() {} catch {}
    }

    function unpause() external {
        decide(address(registry), abi.encodeCall(registry.unpause, ()));
        decide(address(anchors), abi.encodeCall(anchors.unpause, ()));
    }

    /// @dev Mostly whom it is up to.
    function _somebody(uint256 who, address rightful) private view returns (address) {
        return who % 4 == 0 ? _people[who % 3] : rightful;
    }

    function _submitter() private view returns (address submitter) {
        (submitter,,) = anchors.stateOf(LOG);
    }

    function _next() private returns (bytes32) {
        if (++_evidence % 8 == 7) return keccak256(abi.encode("evidence", _evidence - 1)); // Used already.
        return keccak256(abi.encode("evidence", _evidence));
    }

    function _list(bytes10 code) private {
        if (_listed[code]) return;
        _listed[code] = true;
        codes.push(code);
    }

    /// @dev A well-formed code of the level, now and then of another province.
    function _code(IssuerRegistry.Level level, uint16 number) private pure returns (bytes10) {
        bytes memory text = "0000410000";
        uint256 last = level == IssuerRegistry.Level.Province ? 5 : 9;
        if (level == IssuerRegistry.Level.School) text = "3141010000";
        text[last] = bytes1(uint8(48 + number % 10));
        if (last == 9) text[8] = bytes1(uint8(48 + (number / 10) % 10));
        if (number % 16 == 15 && level == IssuerRegistry.Level.School) text[3] = "2";
        return bytes10(text);
    }
}

contract InvariantsTest {
    Handler private _handler;

    function setUp() public {
        _handler = new Handler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice Nothing that the handler watches while it acts.
    function invariant_nothing_was_seen_that_must_not_be() public view {
        require(bytes(_handler.broken()).length == 0, _handler.broken());
    }

    /// @notice No shrinking log: what was confirmed still stands in the history that counts.
    function invariant_what_was_confirmed_stands() public view {
        CheckpointAnchor anchors = _handler.theAnchors();
        (, uint64 size,,) = anchors.latest(_handler.log());
        for (uint256 i = 0; i < _handler.confirmations(); i++) {
            uint64 confirmed = _handler.confirmed(i);
            require(confirmed <= size, "the log is shorter than what was confirmed");
            require(anchors.anchorAt(_handler.log(), confirmed).root != 0, "a confirmed anchor counts no more");
            require(anchors.isConfirmed(_handler.log(), confirmed), "a confirmation was lost");
        }
    }

    /// @notice The anchors of the history that counts are one chain, each naming the one before.
    function invariant_anchors_are_one_chain() public view {
        CheckpointAnchor anchors = _handler.theAnchors();
        (, uint64 size, bytes32 root,) = anchors.latest(_handler.log());
        for (uint256 i = 0; i < 100 && size != 0; i++) {
            CheckpointAnchor.Anchor memory found = anchors.anchorAt(_handler.log(), size);
            require(found.root != 0 && (i > 0 || found.root == root), "an anchor is missing");
            require(found.previousSize < size, "sizes do not grow");
            size = found.previousSize;
        }
    }

    /// @notice No orphan issuer: everybody but the root has a parent that exists, one level or more above.
    function invariant_nobody_is_an_orphan() public view {
        IssuerRegistry registry = _handler.theRegistry();
        bytes10 root = registry.ROOT();
        uint64 time = registry.chainTime();
        for (uint256 i = 0; i < _handler.count(); i++) {
            bytes10 code = _handler.codes(i);
            IssuerRegistry.Issuer memory issuer = registry.issuerOf(code);
            require(issuer.status != IssuerRegistry.Status.None, "an issuer was deleted");
            if (code == root) {
                require(issuer.parent == 0, "the root has a parent");
                continue;
            }
            IssuerRegistry.Issuer memory parent = registry.issuerOf(issuer.parent);
            require(parent.status != IssuerRegistry.Status.None, "an orphan");
            require(uint8(parent.level) < uint8(issuer.level), "a parent below its child");
            uint256 place = issuer.level == IssuerRegistry.Level.School ? 2 : 4;
            bool same = code[place] == issuer.parent[4] && code[place + 1] == issuer.parent[5];
            require(issuer.parent == root || same, "a child of another province");
            bool trusted = registry.isTrustedAt(code, time);
            if (trusted) require(registry.isTrustedAt(issuer.parent, time), "trusted below one that is not");
            if (trusted) require(issuer.status == IssuerRegistry.Status.Active, "trusted though it ended");
        }
    }

    /// @notice At most one interval holds any time, and intervals that hold something are in order.
    function invariant_intervals_do_not_overlap() public view {
        IssuerRegistry registry = _handler.theRegistry();
        for (uint256 i = 0; i < _handler.count(); i++) {
            bytes10 code = _handler.codes(i);
            uint64 end = 0;
            uint32 versions = registry.issuerOf(code).versions;
            for (uint32 number = 1; number <= versions; number++) {
                IssuerRegistry.Version memory version = registry.versionOf(code, number);
                require(version.validFrom <= version.validTo, "an interval that ends before it begins");
                if (version.validFrom == version.validTo) continue;
                require(version.validFrom >= end, "intervals overlap");
                end = version.validTo;
            }
        }
    }

    /// @notice Each log entry is mirrored once, and is found where it is.
    function invariant_the_journal_names_each_entry_once() public view {
        IssuerRegistry registry = _handler.theRegistry();
        uint256 length = registry.journalLength();
        for (uint256 place = 1; place <= length; place++) {
            require(registry.placeOf(registry.journalAt(place).evidence) == place, "an entry twice");
        }
    }

    /// @dev A run in which nothing happened would hold every invariant.
    function afterInvariant() public view {
        require(_handler.anchored() + _handler.added() + _handler.decided() > 0, "nothing happened");
    }
}
