// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {Approvals} from "../Approvals.sol";

/// @title What all our contracts share: the panel that decides, and the pause.
/// @notice One member may stop all writes at once; only k of n let them go on. Reads never stop.
abstract contract Governed is Pausable {
    Approvals public immutable approvals;

    error NoPanel(address approvals);
    error OnlyByApproval(address caller);
    error NotAMember(address caller);

    modifier onlyByApproval() {
        if (msg.sender != address(approvals)) revert OnlyByApproval(msg.sender);
        _;
    }

    constructor(Approvals approvals_) {
        if (address(approvals_).code.length == 0) revert NoPanel(address(approvals_));
        approvals = approvals_;
    }

    function pause() external {
        if (!approvals.isMember(msg.sender)) revert NotAMember(msg.sender);
        _pause();
    }

    function unpause() external onlyByApproval {
        _unpause();
    }
}
