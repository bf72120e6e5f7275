// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Approvals} from "./Approvals.sol";
import {Governed} from "./parts/Governed.sol";

/// @title One sequence of anchored checkpoints for each transparency log.
/// @notice An anchor says: at this block, the log's submitter stood by this size and root. Sizes
/// strictly grow and each anchor names the one before it, so a log cannot show two histories here.
/// Whether a tree really grew out of the one before is not checked by this contract: endorsers
/// check the consistency proof themselves, and k of them make an anchor confirmed. An anchor
/// without them proves time only.
/// @dev Nothing is ever changed or removed. After a submitter's key was lost or stolen, k of n open
/// a new epoch that goes on from an anchor of the ones before; what a thief anchored above it stays
/// readable in its epoch and counts no more. Nothing at or below a confirmed anchor can be left so.
/// `block.timestamp` is stored as the chain gives it: not every chain counts in seconds.
contract CheckpointAnchor is Governed {
    /// @notice The log's tree is hashed with SHA-256 (1) or SM3 (2).
    uint8 public constant ALG_SHA256 = 1;
    uint8 public constant ALG_SM3 = 2;

    /// @notice The most entries by which one anchor may let a log grow.
    uint64 public constant MAX_GROWTH = 2 ** 24;

    struct Log {
        uint64 size;
        uint64 anchors;
        uint64 confirmedSize;
        uint32 epoch;
        uint8 alg;
        bytes32 root;
        address submitter;
    }

    struct Epoch {
        uint64 resumedSize;
        uint64 blockNumber;
        address submitter;
        bytes32 resumedRoot;
    }

    struct Anchor {
        bytes32 root;
        uint64 previousSize;
        uint64 blockNumber;
        uint64 blockTime;
        uint16 endorsements;
    }

    /// @notice How many endorsements confirm an anchor; 0 where there are no endorsers.
    uint16 public threshold;
    uint32 public endorserPanel;
    address[] private _endorsers;
    mapping(uint32 panel => mapping(address endorser => bool)) private _isEndorser;

    /// @dev logId = SHA-256 of the log's origin line, without its newline.
    mapping(bytes32 logId => Log) private _logs;
    mapping(bytes32 logId => mapping(uint32 epoch => Epoch)) private _epochs;
    mapping(bytes32 logId => mapping(uint32 epoch => mapping(uint64 size => Anchor))) private _anchors;
    mapping(bytes32 logId => mapping(uint64 size => bool)) private _confirmed;
    mapping(bytes32 anchorKey => uint32 panel) private _endorsedBy;
    mapping(bytes32 anchorKey => mapping(uint32 panel => mapping(address endorser => bool))) private _endorsed;

    event LogOpened(bytes32 indexed logId, uint8 alg, address submitter);
    event EpochOpened(
        bytes32 indexed logId, uint32 indexed epoch, uint64 resumedSize, bytes32 resumedRoot, address submitter
    );
    event Anchored(bytes32 indexed logId, uint64 indexed size, bytes32 root, uint64 previousSize, bytes32 previousRoot);
    event Endorsed(bytes32 indexed logId, uint64 indexed size, address indexed endorser, uint16 endorsements);
    event Confirmed(bytes32 indexed logId, uint64 indexed size, bytes32 root);
    event EndorsersChanged(address[] endorsers, uint16 threshold);

    error ThresholdOutOfReach(uint16 threshold, uint256 endorsers);
    error UnknownAlgorithm(uint8 alg);
    error NoSubmitter();
    error LogExists(bytes32 logId);
    error UnknownLog(bytes32 logId);
    error NotTheSubmitter(address caller);
    error NotAnEndorser(address caller);
    error PreviousMismatch(uint64 size, bytes32 root);
    error SizeMustGrow(uint64 size, uint64 latest);
    error GrowthTooLarge(uint64 size, uint64 latest);
    error EmptyRoot();
    error UnknownAnchor(uint64 size);
    error BelowConfirmed(uint64 size, uint64 confirmed);
    error RootMismatch(uint64 size, bytes32 root);
    error AlreadyEndorsed(uint64 size, address endorser);
    error SubmitterCannotEndorse(address submitter);

    constructor(Approvals approvals_, address[] memory endorsers_, uint16 threshold_) Governed(approvals_) {
        _changeEndorsers(endorsers_, threshold_);
    }

    /// @notice Begin a log. Its hash algorithm never changes.
    function openLog(bytes32 logId, uint8 alg, address submitter) external onlyByApproval whenNotPaused {
        if (alg != ALG_SHA256 && alg != ALG_SM3) revert UnknownAlgorithm(alg);
        if (submitter == address(0)) revert NoSubmitter();
        if (_logs[logId].alg != 0) revert LogExists(logId);
        _logs[logId].alg = alg;
        emit LogOpened(logId, alg, submitter);
        _beginEpoch(logId, 0, bytes32(0), submitter);
    }

    /// @notice After a lost or stolen key: go on from the anchor at `resumedSize` (0: from nothing)
    /// with another submitter. Not below an anchor that endorsers have confirmed.
    function openEpoch(bytes32 logId, uint64 resumedSize, address submitter) external onlyByApproval whenNotPaused {
        Log storage log = _known(logId);
        if (submitter == address(0)) revert NoSubmitter();
        if (resumedSize < log.confirmedSize) revert BelowConfirmed(resumedSize, log.confirmedSize);
        bytes32 root = bytes32(0);
        if (resumedSize != 0) {
            root = anchorAt(logId, resumedSize).root;
            if (root == bytes32(0)) revert UnknownAnchor(resumedSize);
        }
        _beginEpoch(logId, resumedSize, root, submitter);
    }

    /// @notice Anchor the log's tree of `size` entries. `previousSize` and `previousRoot` name the
    /// anchor before, both 0 for a log's first.
    function anchor(bytes32 logId, uint64 size, bytes32 root, uint64 previousSize, bytes32 previousRoot)
        external
        whenNotPaused
    {
        Log storage log = _known(logId);
        if (msg.sender != log.submitter) revert NotTheSubmitter(msg.sender);
        if (previousSize != log.size || previousRoot != log.root) revert PreviousMismatch(log.size, log.root);
        if (size <= log.size) revert SizeMustGrow(size, log.size);
        if (size - log.size > MAX_GROWTH) revert GrowthTooLarge(size, log.size);
        if (root == bytes32(0)) revert EmptyRoot();

        log.size = size;
        log.root = root;
        log.anchors += 1;
        _anchors[logId][log.epoch][size] = Anchor({
            root: root,
            previousSize: previousSize,
            blockNumber: uint64(block.number),
            blockTime: uint64(block.timestamp),
            endorsements: 0
        });
        emit Anchored(logId, size, root, previousSize, previousRoot);
    }

    /// @notice Say that the anchored tree was checked to grow out of the one before it.
    function endorse(bytes32 logId, uint64 size, bytes32 root) external whenNotPaused {
        if (!isEndorser(msg.sender)) revert NotAnEndorser(msg.sender);
        Log storage log = _known(logId);
        uint32 epoch = epochOf(logId, size);
        if (msg.sender == log.submitter || msg.sender == _epochs[logId][epoch].submitter) {
            revert SubmitterCannotEndorse(msg.sender);
        }
        Anchor storage anchored = _anchors[logId][epoch][size];
        if (anchored.root == bytes32(0)) revert UnknownAnchor(size);
        if (anchored.root != root) revert RootMismatch(size, anchored.root);
        bytes32 key = _keyOf(logId, epoch, size);
        if (_endorsed[key][endorserPanel][msg.sender]) revert AlreadyEndorsed(size, msg.sender);

        _endorsed[key][endorserPanel][msg.sender] = true;
        // Whoever left the panel, perhaps because of a stolen key, does not count towards its threshold.
        anchored.endorsements = _endorsedBy[key] == endorserPanel ? anchored.endorsements + 1 : 1;
        _endorsedBy[key] = endorserPanel;
        emit Endorsed(logId, size, msg.sender, anchored.endorsements);
        if (anchored.endorsements >= threshold && !_confirmed[logId][size]) {
            _confirmed[logId][size] = true; // For good: a later panel takes nothing back.
            if (size > log.confirmedSize) log.confirmedSize = size;
            emit Confirmed(logId, size, root);
        }
    }

    /// @notice Replace the endorsers: each is another organisation with a node of its own.
    function changeEndorsers(address[] calldata endorsers_, uint16 threshold_) external onlyByApproval whenNotPaused {
        _changeEndorsers(endorsers_, threshold_);
    }

    /// @notice The log's algorithm (0: unknown log), latest size and root, and number of anchors ever made.
    function latest(bytes32 logId) external view returns (uint8 alg, uint64 size, bytes32 root, uint64 anchors) {
        Log storage log = _logs[logId];
        return (log.alg, log.size, log.root, log.anchors);
    }

    /// @notice Who anchors the log now, in which epoch, and the largest confirmed size.
    function stateOf(bytes32 logId) external view returns (address submitter, uint32 epoch, uint64 confirmedSize) {
        Log storage log = _logs[logId];
        return (log.submitter, log.epoch, log.confirmedSize);
    }

    /// @notice The anchor at exactly `size` in the history that counts; its root is 0 where there is none.
    function anchorAt(bytes32 logId, uint64 size) public view returns (Anchor memory) {
        return _anchors[logId][epochOf(logId, size)][size];
    }

    /// @notice The anchor at exactly `size` that was made in `epoch`, whether it counts or not.
    function anchorIn(bytes32 logId, uint32 epoch, uint64 size) external view returns (Anchor memory) {
        return _anchors[logId][epoch][size];
    }

    /// @notice The epoch to which `size` belongs in the history that counts.
    function epochOf(bytes32 logId, uint64 size) public view returns (uint32 epoch) {
        epoch = _logs[logId].epoch;
        while (epoch > 1 && size <= _epochs[logId][epoch].resumedSize) {
            epoch -= 1;
        }
    }

    function epochAt(bytes32 logId, uint32 epoch) external view returns (Epoch memory) {
        return _epochs[logId][epoch];
    }

    function endorsers() external view returns (address[] memory) {
        return _endorsers;
    }

    function isEndorser(address account) public view returns (bool) {
        return _isEndorser[endorserPanel][account];
    }

    function hasEndorsed(bytes32 logId, uint64 size, address endorser) external view returns (bool) {
        return _endorsed[_keyOf(logId, epochOf(logId, size), size)][endorserPanel][endorser];
    }

    /// @notice Whether enough endorsers have checked the anchor at `size`.
    function isConfirmed(bytes32 logId, uint64 size) external view returns (bool) {
        return _confirmed[logId][size];
    }

    function _keyOf(bytes32 logId, uint32 epoch, uint64 size) private pure returns (bytes32) {
        return keccak256(abi.encode(logId, epoch, size));
    }

    function _known(bytes32 logId) private view returns (Log storage log) {
        log = _logs[logId];
        if (log.alg == 0) revert UnknownLog(logId);
    }

    function _beginEpoch(bytes32 logId, uint64 size, bytes32 root, address submitter) private {
        Log storage log = _logs[logId];
        log.epoch += 1;
        log.size = size;
        log.root = root;
        log.submitter = submitter;
        _epochs[logId][log.epoch] = Epoch({
            resumedSize: size,
            blockNumber: uint64(block.number),
            submitter: submitter,
            resumedRoot: root
        });
        emit EpochOpened(logId, log.epoch, size, root, submitter);
    }

    function _changeEndorsers(address[] memory endorsers_, uint16 threshold_) private {
        uint256 count = endorsers_.length;
        if (threshold_ > count || (threshold_ == 0 && count > 0)) revert ThresholdOutOfReach(threshold_, count);
        endorserPanel += 1;
        threshold = threshold_;
        _endorsers = endorsers_;
        for (uint256 i = 0; i < count; i++) {
            if (endorsers_[i] == address(0) || isEndorser(endorsers_[i])) revert ThresholdOutOfReach(threshold_, i);
            _isEndorser[endorserPanel][endorsers_[i]] = true;
        }
        emit EndorsersChanged(endorsers_, threshold_);
    }
}
