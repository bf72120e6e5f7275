// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

/// @title One sequence of anchored checkpoints for each transparency log.
/// @notice An anchor says: at this block, the log's submitter stood by this size and root. Sizes
/// strictly grow and each anchor names the one before it, so a log cannot show two histories here.
/// Whether a tree really grew out of the one before is not checked by this contract: endorsers
/// check the consistency proof themselves, and k of them make an anchor confirmed. An anchor
/// without them proves time only.
/// @dev Nothing is ever changed or removed. Pausing stops writes, never reads. `block.timestamp`
/// is stored as the chain gives it: not every chain counts in seconds.
contract CheckpointAnchor is AccessControl, Pausable {
    bytes32 public constant SUBMITTER_ROLE = keccak256("SUBMITTER_ROLE");
    bytes32 public constant ENDORSER_ROLE = keccak256("ENDORSER_ROLE");
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @notice The log's tree is hashed with SHA-256 (1) or SM3 (2).
    uint8 public constant ALG_SHA256 = 1;
    uint8 public constant ALG_SM3 = 2;

    /// @notice The most entries by which one anchor may let a log grow.
    uint64 public constant MAX_GROWTH = 2 ** 24;

    struct Log {
        uint64 size;
        uint64 anchors;
        uint8 alg;
        bytes32 root;
    }

    struct Anchor {
        bytes32 root;
        uint64 previousSize;
        uint64 blockNumber;
        uint64 blockTime;
        uint16 endorsements;
    }

    /// @notice How many endorsements confirm an anchor; 0 where there are no endorsers.
    uint16 public immutable threshold;

    /// @dev logId = SHA-256 of the log's origin line, without its newline.
    mapping(bytes32 logId => Log) private _logs;
    mapping(bytes32 logId => mapping(uint64 size => Anchor)) private _anchors;
    mapping(bytes32 logId => mapping(uint64 size => mapping(address endorser => bool))) private _endorsed;

    event LogOpened(bytes32 indexed logId, uint8 alg);
    event Anchored(bytes32 indexed logId, uint64 indexed size, bytes32 root, uint64 previousSize, bytes32 previousRoot);
    event Endorsed(bytes32 indexed logId, uint64 indexed size, address indexed endorser, uint16 endorsements);
    event Confirmed(bytes32 indexed logId, uint64 indexed size, bytes32 root);

    error ThresholdOutOfReach(uint16 threshold, uint256 endorsers);
    error UnknownAlgorithm(uint8 alg);
    error LogExists(bytes32 logId);
    error UnknownLog(bytes32 logId);
    error PreviousMismatch(uint64 size, bytes32 root);
    error SizeMustGrow(uint64 size, uint64 latest);
    error GrowthTooLarge(uint64 size, uint64 latest);
    error EmptyRoot();
    error UnknownAnchor(uint64 size);
    error RootMismatch(uint64 size, bytes32 root);
    error AlreadyEndorsed(uint64 size, address endorser);
    error SubmitterCannotEndorse(address submitter);

    constructor(address admin, address submitter, address[] memory endorsers, uint16 threshold_) {
        if (threshold_ > endorsers.length || (threshold_ == 0 && endorsers.length > 0)) {
            revert ThresholdOutOfReach(threshold_, endorsers.length);
        }
        threshold = threshold_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAUSER_ROLE, admin);
        _grantRole(SUBMITTER_ROLE, submitter);
        for (uint256 i = 0; i < endorsers.length; i++) {
            if (!_grantRole(ENDORSER_ROLE, endorsers[i])) {
                revert ThresholdOutOfReach(threshold_, i);
            }
        }
    }

    /// @notice Begin a log. Its hash algorithm never changes.
    function openLog(bytes32 logId, uint8 alg) external onlyRole(DEFAULT_ADMIN_ROLE) whenNotPaused {
        if (alg != ALG_SHA256 && alg != ALG_SM3) revert UnknownAlgorithm(alg);
        if (_logs[logId].alg != 0) revert LogExists(logId);
        _logs[logId].alg = alg;
        emit LogOpened(logId, alg);
    }

    /// @notice Anchor the log's tree of `size` entries. `previousSize` and `previousRoot` name the
    /// anchor before, both 0 for a log's first.
    function anchor(bytes32 logId, uint64 size, bytes32 root, uint64 previousSize, bytes32 previousRoot)
        external
        onlyRole(SUBMITTER_ROLE)
        whenNotPaused
    {
        Log storage log = _logs[logId];
        if (log.alg == 0) revert UnknownLog(logId);
        if (previousSize != log.size || previousRoot != log.root) revert PreviousMismatch(log.size, log.root);
        if (size <= log.size) revert SizeMustGrow(size, log.size);
        if (size - log.size > MAX_GROWTH) revert GrowthTooLarge(size, log.size);
        if (root == bytes32(0)) revert EmptyRoot();

        log.size = size;
        log.root = root;
        log.anchors += 1;
        _anchors[logId][size] = Anchor({
            root: root,
            previousSize: previousSize,
            blockNumber: uint64(block.number),
            blockTime: uint64(block.timestamp),
            endorsements: 0
        });
        emit Anchored(logId, size, root, previousSize, previousRoot);
    }

    /// @notice Say that the anchored tree was checked to grow out of the one before it.
    function endorse(bytes32 logId, uint64 size, bytes32 root) external onlyRole(ENDORSER_ROLE) whenNotPaused {
        if (hasRole(SUBMITTER_ROLE, msg.sender)) revert SubmitterCannotEndorse(msg.sender);
        Anchor storage anchored = _anchors[logId][size];
        if (anchored.root == bytes32(0)) revert UnknownAnchor(size);
        if (anchored.root != root) revert RootMismatch(size, anchored.root);
        if (_endorsed[logId][size][msg.sender]) revert AlreadyEndorsed(size, msg.sender);

        _endorsed[logId][size][msg.sender] = true;
        anchored.endorsements += 1;
        emit Endorsed(logId, size, msg.sender, anchored.endorsements);
        if (anchored.endorsements == threshold) emit Confirmed(logId, size, root);
    }

    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    /// @notice The log's algorithm (0: unknown log), latest size and root, and number of anchors.
    function latest(bytes32 logId) external view returns (uint8 alg, uint64 size, bytes32 root, uint64 anchors) {
        Log storage log = _logs[logId];
        return (log.alg, log.size, log.root, log.anchors);
    }

    /// @notice The anchor at exactly `size`; its root is 0 where there is none.
    function anchorAt(bytes32 logId, uint64 size) external view returns (Anchor memory) {
        return _anchors[logId][size];
    }

    function hasEndorsed(bytes32 logId, uint64 size, address endorser) external view returns (bool) {
        return _endorsed[logId][size][endorser];
    }

    /// @notice Whether enough endorsers have checked the anchor at `size`.
    function isConfirmed(bytes32 logId, uint64 size) external view returns (bool) {
        return threshold > 0 && _anchors[logId][size].endorsements >= threshold;
    }
}
