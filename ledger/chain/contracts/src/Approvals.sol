// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What no single organisation may do: k of n members approve a call before it is made.
/// @notice A proposal is one call of one contract. It lapses after `lifetime` blocks, and when the
/// panel changes. A majority is always needed, so two groups can never decide opposite things.
/// @dev Expiry counts blocks: not every chain's clock counts in seconds. The panel changes only by
/// a proposal whose target is this contract.
contract Approvals {
    uint256 public constant MOST_MEMBERS = 32;

    struct Proposal {
        address target;
        uint64 expiresAt;
        uint32 panel;
        bytes data;
    }

    /// @notice For how many blocks a proposal may be approved and executed.
    uint64 public immutable lifetime;

    /// @notice Counts the panels there were; what an earlier panel proposed is void.
    uint32 public panel;
    uint16 public threshold;

    address[] private _members;
    mapping(uint32 panel => mapping(address member => bool)) private _isMember;
    mapping(bytes32 id => Proposal) private _proposals;
    mapping(bytes32 id => mapping(address member => bool)) private _approved;
    mapping(bytes32 id => uint16) public approvalsOf;
    mapping(bytes32 id => bool) public isExecuted;

    event Proposed(bytes32 indexed id, address indexed proposer, address target, bytes data, uint64 expiresAt);
    event Approved(bytes32 indexed id, address indexed member, uint16 approvals);
    event Executed(bytes32 indexed id, address indexed member);
    event PanelChanged(uint32 indexed panel, address[] members, uint16 threshold);

    error NotAMember(address caller);
    error OnlyByApproval(address caller);
    error BadPanel(uint256 members, uint16 threshold);
    error NoLifetime();
    error NoSuchTarget(address target);
    error ProposalExists(bytes32 id);
    error NoSuchProposal(bytes32 id);
    error ProposalLapsed(bytes32 id);
    error AlreadyApproved(bytes32 id, address member);
    error AlreadyExecuted(bytes32 id);
    error NotEnoughApprovals(bytes32 id, uint16 approvals, uint16 threshold);
    error CallFailed(bytes32 id);

    modifier onlyMember() {
        if (!isMember(msg.sender)) revert NotAMember(msg.sender);
        _;
    }

    constructor(address[] memory members_, uint16 threshold_, uint64 lifetime_) {
        if (lifetime_ == 0) revert NoLifetime();
        lifetime = lifetime_;
        _changePanel(members_, threshold_);
    }

    /// @notice Propose a call, and approve it. The same call may be proposed again with another `salt`.
    function propose(address target, bytes calldata data, bytes32 salt) external onlyMember returns (bytes32 id) {
        if (target.code.length == 0) revert NoSuchTarget(target);
        id = proposalId(target, data, salt);
        if (_proposals[id].target != address(0)) revert ProposalExists(id);
        uint64 expiresAt = uint64(block.number) + lifetime;
        _proposals[id] = Proposal({target: target, expiresAt: expiresAt, panel: panel, data: data});
        emit Proposed(id, msg.sender, target, data, expiresAt);
        _approve(id);
    }

    /// @notice Approve a proposal. Read what it does first: `proposal(id)`.
    function approve(bytes32 id) external onlyMember {
        _mustBeOpen(id);
        if (_approved[id][msg.sender]) revert AlreadyApproved(id, msg.sender);
        _approve(id);
    }

    /// @notice Make the call, once, if enough members have approved it.
    function execute(bytes32 id) external onlyMember {
        _mustBeOpen(id);
        uint16 given = approvalsOf[id];
        if (given < threshold) revert NotEnoughApprovals(id, given, threshold);
        isExecuted[id] = true; // Before the call: it cannot be made again from within itself.
        emit Executed(id, msg.sender);
        (bool done, bytes memory answer) = _proposals[id].target.call(_proposals[id].data);
        if (!done) {
            if (answer.length == 0) revert CallFailed(id);
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    /// @notice Replace all members and the threshold: a lost or stolen member's key is dealt with here.
    function changePanel(address[] calldata members_, uint16 threshold_) external {
        if (msg.sender != address(this)) revert OnlyByApproval(msg.sender);
        _changePanel(members_, threshold_);
    }

    function proposal(bytes32 id) external view returns (Proposal memory) {
        return _proposals[id];
    }

    function members() external view returns (address[] memory) {
        return _members;
    }

    function isMember(address account) public view returns (bool) {
        return _isMember[panel][account];
    }

    function hasApproved(bytes32 id, address member) external view returns (bool) {
        return _approved[id][member];
    }

    /// @notice Bound to this chain and this contract: an approval here means nothing elsewhere.
    function proposalId(address target, bytes calldata data, bytes32 salt) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), target, data, salt));
    }

    function _approve(bytes32 id) private {
        _approved[id][msg.sender] = true;
        approvalsOf[id] += 1;
        emit Approved(id, msg.sender, approvalsOf[id]);
    }

    function _mustBeOpen(bytes32 id) private view {
        Proposal storage open = _proposals[id];
        if (open.target == address(0)) revert NoSuchProposal(id);
        if (isExecuted[id]) revert AlreadyExecuted(id);
        if (block.number > open.expiresAt || open.panel != panel) revert ProposalLapsed(id);
    }

    function _changePanel(address[] memory members_, uint16 threshold_) private {
        uint256 count = members_.length;
        if (count > MOST_MEMBERS || threshold_ > count || 2 * uint256(threshold_) <= count) {
            revert BadPanel(count, threshold_);
        }
        panel += 1;
        threshold = threshold_;
        _members = members_;
        for (uint256 i = 0; i < count; i++) {
            if (members_[i] == address(0) || _isMember[panel][members_[i]]) revert BadPanel(i, threshold_);
            _isMember[panel][members_[i]] = true;
        }
        emit PanelChanged(panel, members_, threshold_);
    }
}
