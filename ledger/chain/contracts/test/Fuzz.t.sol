// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IssuerRegistry} from "../src/IssuerRegistry.sol";
import {Base} from "./Base.sol";

/// @notice Single calls with arguments of any kind.
contract FuzzTest is Base {
    address private constant SUBMITTER = address(0x3000);
    address private constant REGISTRAR = address(0x3001);
    address private constant SCHOOL = address(0x3002);

    function setUp() public {
        deploy();
        decide(address(anchors), abi.encodeCall(anchors.openLog, (LOG, 2, SUBMITTER)));
        addProvince(REGISTRAR);
    }

    function testFuzz_only_the_submitter_anchors(address somebody, uint64 size, bytes32 root) public {
        vm.assume(somebody != SUBMITTER);
        vm.prank(somebody);
        try anchors.anchor(LOG, size, root, 0, 0) {
            require(false, "a stranger anchored");
        } catch {}
    }

    function testFuzz_an_anchor_continues_the_sequence(uint64 first, uint64 second, uint64 named, bytes32 root) public {
        first = uint64(1 + first % anchors.MAX_GROWTH());
        vm.prank(SUBMITTER);
        anchors.anchor(LOG, first, keccak256("first"), 0, 0);
        vm.prank(SUBMITTER);
        try anchors.anchor(LOG, second, root, named, keccak256("first")) {
            require(named == first && second > first && root != 0, "a broken sequence");
            require(second - first <= anchors.MAX_GROWTH(), "grew too much");
        } catch {
            require(
                named != first || second <= first || root == 0 || second - first > anchors.MAX_GROWTH(), "refused a good one"
            );
        }
    }

    function testFuzz_only_the_parent_adds_a_child(address somebody, bytes10 code, uint8 level, bytes32 evidence) public {
        vm.assume(somebody != REGISTRAR);
        IssuerRegistry.Level rank = IssuerRegistry.Level(level % 7);
        vm.prank(somebody);
        try registry.addIssuer(newIssuer(code, PROVINCE, rank, somebody, evidence)) {
            require(false, "a stranger added a child");
        } catch {}
    }

    function testFuzz_whatever_a_parent_adds_is_in_its_province(bytes10 code, uint8 level, bytes32 evidence) public {
        IssuerRegistry.Level rank = IssuerRegistry.Level(level % 7);
        vm.prank(REGISTRAR);
        try registry.addIssuer(newIssuer(code, PROVINCE, rank, SCHOOL, evidence)) {
            uint256 place = rank == IssuerRegistry.Level.School ? 2 : 4;
            require(code[place] == "4" && code[place + 1] == "1", "another province");
            require(rank > IssuerRegistry.Level.Province, "not below");
        } catch {}
    }

    function testFuzz_an_interval_never_reaches_back(uint64 from, uint64 to, uint64 ended) public {
        bytes10 code = "3141010459";
        IssuerRegistry.NewIssuer memory school =
            newIssuer(code, PROVINCE, IssuerRegistry.Level.School, SCHOOL, keccak256("school"));
        uint64 now_ = registry.chainTime();
        (school.validFrom, school.validTo) = (from % (2 * now_), to);
        vm.prank(REGISTRAR);
        try registry.addIssuer(school) {} catch {
            return;
        }
        require(registry.versionOf(code, 1).validFrom >= now_, "before its block");
        uint64 end = registry.versionOf(code, 1).validTo;
        vm.warp(now_ + 1_000);
        vm.prank(REGISTRAR);
        try registry.retire(code, keccak256("school"), ended, keccak256("end")) {
            uint64 later = registry.versionOf(code, 1).validTo;
            require(later <= end, "an end was put off");
            require(later == end || later >= now_ + 1_000, "the past was changed");
        } catch {}
    }

    function testFuzz_lists_follow_one_another(uint64 epoch, bytes32 list, bytes32 digest) public {
        vm.prank(REGISTRAR);
        registry.addIssuer(newIssuer(SERVICE, PROVINCE, IssuerRegistry.Level.Service, SCHOOL, keccak256("service")));
        vm.prank(SCHOOL);
        try statuses.publish(SERVICE, list, epoch, digest) {
            require(epoch == 1 && digest != 0, "a gap");
        } catch {
            require(epoch != 1 || digest == 0, "refused a good one");
        }
    }

    function testFuzz_one_member_alone_decides_nothing(uint256 who, bytes32 log, bytes32 salt) public {
        bytes memory data = abi.encodeCall(anchors.openLog, (log, 1, SUBMITTER));
        vm.prank(member(who));
        bytes32 id = approvals.propose(address(anchors), data, salt);
        vm.prank(member(who));
        try approvals.execute(id) {
            require(false, "one of three decided");
        } catch {}
    }

    function testFuzz_a_lapsed_proposal_is_void(uint16 blocks) public {
        bytes memory data = abi.encodeCall(registry.revoke, (PROVINCE, keccak256("end")));
        vm.prank(member(0));
        bytes32 id = approvals.propose(address(registry), data, 0);
        vm.prank(member(1));
        approvals.approve(id);
        vm.roll(block.number + blocks);
        vm.prank(member(0));
        try approvals.execute(id) {
            require(blocks <= 50, "too late");
        } catch {
            require(blocks > 50, "refused in time");
        }
    }
}
