// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Approvals} from "./Approvals.sol";
import {IssuerRegistry} from "./IssuerRegistry.sol";
import {Governed} from "./parts/Governed.sol";

/// @title The digest of each status list that was published, in the order of publication.
/// @notice A list's epochs are 1, 2, 3, … without a gap: an authority that keeps a list back, or
/// publishes two at one place, is seen. What a list says is not known here.
contract StatusAnchor is Governed {
    struct Published {
        bytes32 digest;
        uint64 epoch;
        uint64 blockNumber;
        uint64 blockTime;
    }

    IssuerRegistry public immutable registry;

    /// @dev listId = SHA-256 of the list's `sub`, the address at which it is published.
    mapping(bytes10 issuer => mapping(bytes32 listId => uint64)) private _epochs;
    mapping(bytes10 issuer => mapping(bytes32 listId => mapping(uint64 epoch => Published))) private _lists;
    mapping(bytes10 issuer => mapping(bytes32 listId => mapping(bytes32 digest => uint64))) private _epochOf;

    event StatusPublished(bytes10 indexed issuer, bytes32 indexed listId, uint64 indexed epoch, bytes32 digest);

    error NoRegistry(address registry);
    error NotTheController(bytes10 issuer, address caller);
    error IssuerNotTrusted(bytes10 issuer);
    error EpochMustFollow(uint64 epoch, uint64 latest);
    error EmptyDigest();
    error PublishedAlready(bytes32 digest, uint64 epoch);

    constructor(Approvals approvals_, IssuerRegistry registry_) Governed(approvals_) {
        if (address(registry_).code.length == 0) revert NoRegistry(address(registry_));
        registry = registry_;
    }

    /// @notice Record the digest of the list as published for the `epoch`-th time.
    function publish(bytes10 issuer, bytes32 listId, uint64 epoch, bytes32 digest) external whenNotPaused {
        if (msg.sender != registry.controllerOf(issuer)) revert NotTheController(issuer, msg.sender);
        if (!registry.isTrustedAt(issuer, registry.chainTime())) revert IssuerNotTrusted(issuer);
        uint64 last = _epochs[issuer][listId];
        if (epoch != last + 1) revert EpochMustFollow(epoch, last);
        if (digest == bytes32(0)) revert EmptyDigest();
        uint64 before = _epochOf[issuer][listId][digest];
        if (before != 0) revert PublishedAlready(digest, before);

        _epochs[issuer][listId] = epoch;
        _epochOf[issuer][listId][digest] = epoch;
        _lists[issuer][listId][epoch] = Published({
            digest: digest,
            epoch: epoch,
            blockNumber: uint64(block.number),
            blockTime: uint64(block.timestamp)
        });
        emit StatusPublished(issuer, listId, epoch, digest);
    }

    /// @notice What was published last; epoch 0 where nothing was.
    function latest(bytes10 issuer, bytes32 listId) external view returns (Published memory) {
        return _lists[issuer][listId][_epochs[issuer][listId]];
    }

    function publishedAt(bytes10 issuer, bytes32 listId, uint64 epoch) external view returns (Published memory) {
        return _lists[issuer][listId][epoch];
    }

    /// @notice The epoch in which this digest was published, or 0.
    function epochOf(bytes10 issuer, bytes32 listId, bytes32 digest) external view returns (uint64) {
        return _epochOf[issuer][listId][digest];
    }
}
