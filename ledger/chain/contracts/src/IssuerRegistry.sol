// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Approvals} from "./Approvals.sol";
import {Governed} from "./parts/Governed.sol";

/// @title Who may issue, and since when: the accreditation entries of the transparency log, on chain.
/// @notice The log is the authority. Each write here names the log entry that it mirrors, and each
/// entry counts once; `journal` lists them, so that a difference from the log is found by comparing.
/// @dev A tree of at most five levels, under a root that the panel controls. Only the parent's
/// controller adds, renews, suspends or ends a child. Intervals are appended; the end of one may
/// come earlier, never before the block that says so, and never later. Nothing is ever deleted.
/// Times are whole POSIX seconds, made of the block's time by the chain's declared unit.
contract IssuerRegistry is Governed {
    enum Level {
        None,
        Ministry,
        Province,
        City,
        County,
        School,
        Service
    }

    enum Status {
        None,
        Active,
        Suspended,
        Revoked,
        Merged
    }

    enum Kind {
        None,
        Added,
        Renewed,
        Suspended,
        Resumed,
        Retired,
        Compromised,
        Revoked,
        Merged,
        Rotated
    }

    struct Issuer {
        bytes10 parent;
        bytes10 mergedInto;
        Level level;
        Status status;
        uint32 versions;
        uint32 suspendedVersion;
        address controller;
        uint64 suspendedTo;
    }

    struct Version {
        uint64 validFrom;
        uint64 validTo;
        uint64 compromisedSince;
        bytes32 keyDigest;
        bytes32 accreditation;
    }

    struct NewIssuer {
        bytes10 code;
        bytes10 parent;
        Level level;
        address controller;
        bytes32 keyDigest;
        bytes32 accreditation;
        uint64 validFrom;
        uint64 validTo;
    }

    struct Rotation {
        bytes32 keyDigest;
        bytes32 accreditation;
        address controller;
        uint64 validTo;
        uint64 readyAt;
    }

    struct Entry {
        bytes10 code;
        Kind kind;
        bytes32 evidence;
    }

    /// @notice The root's code; administrative codes never are all zeros.
    bytes10 public constant ROOT = "0000000000";
    uint64 public constant NEVER = type(uint64).max;

    /// @notice How many of the chain's units of time make a second: 1, or 1000 where it counts in ms.
    uint64 public immutable ticksPerSecond;

    /// @notice For how many blocks a parent may veto a child's rotation.
    uint64 public immutable rotationDelay;

    Entry[] private _journal;
    mapping(bytes10 code => Issuer) private _issuers;
    mapping(bytes10 code => Version[]) private _versions;
    mapping(bytes10 code => Rotation) private _rotations;
    mapping(bytes32 evidence => uint256) private _places;

    event Mirrored(uint256 indexed place, bytes10 indexed code, Kind kind, bytes32 evidence);
    event VersionAdded(bytes10 indexed code, uint32 version, bytes32 keyDigest, uint64 validFrom, uint64 validTo);
    event VersionEnded(bytes10 indexed code, uint32 version, uint64 validTo);
    event VersionCompromised(bytes10 indexed code, uint32 version, uint64 since);
    event ControllerChanged(bytes10 indexed code, address controller);
    event RotationRequested(bytes10 indexed code, bytes32 keyDigest, address controller, uint64 readyAt);
    event RotationVetoed(bytes10 indexed code);

    error WrongUnitOfTime(uint64 ticksPerSecond, uint256 timestamp);
    error BadCode(bytes10 code);
    error BadLevel(bytes10 code, Level level);
    error OtherProvince(bytes10 code, bytes10 parent);
    error IssuerExists(bytes10 code);
    error UnknownIssuer(bytes10 code);
    error NotTheParent(bytes10 code, address caller);
    error NotTheController(bytes10 code, address caller);
    error NotTrusted(bytes10 code);
    error WrongStatus(bytes10 code, Status status);
    error EmptyField();
    error EmptyInterval(uint64 validFrom, uint64 validTo);
    error MirroredAlready(bytes32 evidence);
    error UnknownAccreditation(bytes32 accreditation);
    error NothingToChange(bytes10 code);
    error NoRotation(bytes10 code);
    error NotYet(uint64 readyAt);

    modifier onlyParentOf(bytes10 code) {
        _mustBeParentOf(code);
        _;
    }

    /// @dev For what gives trust. A parent that is itself not trusted may still take trust away.
    modifier onlyTrustedParentOf(bytes10 code) {
        _mustBeParentOf(code);
        if (!isTrustedAt(_issuers[code].parent, chainTime())) revert NotTrusted(_issuers[code].parent);
        _;
    }

    constructor(Approvals approvals_, uint64 ticksPerSecond_, uint64 rotationDelay_) Governed(approvals_) {
        // Between 2020 and 2100: a chain whose unit of time was declared wrongly is refused.
        uint256 time = ticksPerSecond_ == 0 ? 0 : block.timestamp / ticksPerSecond_;
        if (time < 1_577_836_800 || time >= 4_102_444_800) revert WrongUnitOfTime(ticksPerSecond_, block.timestamp);
        ticksPerSecond = ticksPerSecond_;
        rotationDelay = rotationDelay_;
        Issuer storage root = _issuers[ROOT];
        (root.level, root.status, root.controller) = (Level.Ministry, Status.Active, address(approvals_));
        bytes32 nothing = keccak256("xinji/registry/root/1");
        root.versions = 1;
        _versions[ROOT].push(Version(uint64(time), NEVER, NEVER, nothing, nothing));
    }

    /// @notice Add a child. Only its parent's controller can; a province's parent is the panel's root.
    function addIssuer(NewIssuer calldata issuer) external whenNotPaused {
        Issuer storage parent = _known(issuer.parent);
        if (msg.sender != parent.controller) revert NotTheParent(issuer.code, msg.sender);
        if (!isTrustedAt(issuer.parent, chainTime())) revert NotTrusted(issuer.parent);
        if (_issuers[issuer.code].status != Status.None) revert IssuerExists(issuer.code);
        if (issuer.controller == address(0)) revert EmptyField();
        _mustFit(issuer, parent.level);

        Issuer storage added = _issuers[issuer.code];
        (added.parent, added.level) = (issuer.parent, issuer.level);
        (added.controller, added.status) = (issuer.controller, Status.Active);
        _mirror(issuer.code, Kind.Added, issuer.accreditation);
        _append(issuer.code, issuer.keyDigest, issuer.accreditation, issuer.validFrom, issuer.validTo);
        emit ControllerChanged(issuer.code, issuer.controller);
    }

    /// @notice Accredit a child anew: a renewal, new keys, or again after a suspension.
    function renew(bytes10 code, bytes32 keyDigest, bytes32 accreditation, uint64 validFrom, uint64 validTo)
        external
        whenNotPaused
        onlyTrustedParentOf(code)
    {
        _mustNotBeOver(code);
        _issuers[code].status = Status.Active;
        delete _rotations[code]; // The parent's word replaces what the child had asked for.
        _mirror(code, Kind.Renewed, accreditation);
        _append(code, keyDigest, accreditation, validFrom, validTo);
    }

    /// @notice Stop trusting a child from this block on, until `resume` or `renew`.
    function suspend(bytes10 code, bytes32 evidence) external whenNotPaused onlyParentOf(code) {
        Issuer storage issuer = _issuers[code];
        if (issuer.status != Status.Active) revert WrongStatus(code, issuer.status);
        uint64 time = chainTime();
        (uint32 version, Version memory inForce) = versionAt(code, time);
        (issuer.suspendedVersion, issuer.suspendedTo) = (version, inForce.validTo);
        issuer.status = Status.Suspended;
        _mirror(code, Kind.Suspended, evidence);
        _cut(code, time);
    }

    /// @notice Trust a suspended child again, from this block on, as long as it would have been.
    function resume(bytes10 code, bytes32 evidence) external whenNotPaused onlyTrustedParentOf(code) {
        Issuer storage issuer = _issuers[code];
        if (issuer.status != Status.Suspended) revert WrongStatus(code, issuer.status);
        issuer.status = Status.Active;
        _mirror(code, Kind.Resumed, evidence);
        if (issuer.suspendedVersion == 0 || issuer.suspendedTo <= chainTime()) return;
        Version memory again = _versions[code][issuer.suspendedVersion - 1];
        if (again.compromisedSince != NEVER) return;
        _append(code, again.keyDigest, again.accreditation, 0, issuer.suspendedTo);
    }

    /// @notice End what an accreditation gave, at `since` or at this block, whichever is later.
    function retire(bytes10 code, bytes32 accreditation, uint64 since, bytes32 evidence)
        external
        whenNotPaused
        onlyParentOf(code)
    {
        uint64 time = chainTime();
        _mirror(code, Kind.Retired, evidence);
        _end(code, accreditation, since < time ? time : since, false);
    }

    /// @notice Say that the keys of an accreditation count as compromised since a time that may be past.
    /// What is said only grows stricter.
    function compromise(bytes10 code, bytes32 accreditation, uint64 since, bytes32 evidence)
        external
        whenNotPaused
        onlyParentOf(code)
    {
        _mirror(code, Kind.Compromised, evidence);
        _end(code, accreditation, since, true);
    }

    /// @notice End a school or authority for good. The panel decides, not the parent alone.
    function revoke(bytes10 code, bytes32 evidence) external onlyByApproval whenNotPaused {
        if (_known(code).parent == 0) revert NotTheParent(code, msg.sender);
        _mustNotBeOver(code);
        _issuers[code].status = Status.Revoked;
        delete _rotations[code];
        _mirror(code, Kind.Revoked, evidence);
        _cut(code, chainTime());
    }

    /// @notice A child was merged into another issuer. What it issued before stays valid.
    function merge(bytes10 code, bytes10 into, bytes32 evidence) external whenNotPaused onlyTrustedParentOf(code) {
        _mustNotBeOver(code);
        if (into == code || _known(into).status != Status.Active) revert WrongStatus(into, _issuers[into].status);
        (_issuers[code].status, _issuers[code].mergedInto) = (Status.Merged, into);
        delete _rotations[code];
        _mirror(code, Kind.Merged, evidence);
        _cut(code, chainTime());
    }

    /// @notice Give a child another controller: who sends its transactions, not which keys it issues with.
    function replaceController(bytes10 code, address controller) external whenNotPaused onlyTrustedParentOf(code) {
        if (controller == address(0)) revert EmptyField();
        _mustNotBeOver(code);
        _issuers[code].controller = controller;
        delete _rotations[code];
        emit ControllerChanged(code, controller);
    }

    /// @notice Ask for own new keys, or a new controller; it takes effect unless the parent vetoes in time.
    function requestRotation(bytes10 code, bytes32 keyDigest, address controller, bytes32 accreditation, uint64 validTo)
        external
        whenNotPaused
    {
        Issuer storage issuer = _controlled(code);
        if (issuer.parent == 0) revert NotTheParent(code, msg.sender);
        if (keyDigest == 0 || accreditation == 0 || controller == address(0)) revert EmptyField();
        if (_places[accreditation] != 0) revert MirroredAlready(accreditation);
        uint64 readyAt = uint64(block.number) + rotationDelay;
        _rotations[code] = Rotation(keyDigest, accreditation, controller, validTo, readyAt);
        emit RotationRequested(code, keyDigest, controller, readyAt);
    }

    function vetoRotation(bytes10 code) external whenNotPaused onlyParentOf(code) {
        if (_rotations[code].readyAt == 0) revert NoRotation(code);
        delete _rotations[code];
        emit RotationVetoed(code);
    }

    function completeRotation(bytes10 code) external whenNotPaused {
        Issuer storage issuer = _controlled(code);
        Rotation memory wanted = _rotations[code];
        if (wanted.readyAt == 0) revert NoRotation(code);
        if (block.number <= wanted.readyAt) revert NotYet(wanted.readyAt);
        // No longer than what the parent gave: a child does not accredit itself.
        (uint32 version, Version memory inForce) = versionAt(code, chainTime());
        if (version == 0 || inForce.compromisedSince != NEVER) revert NotTrusted(code);
        uint64 validTo = wanted.validTo < inForce.validTo ? wanted.validTo : inForce.validTo;
        delete _rotations[code];
        issuer.controller = wanted.controller;
        _mirror(code, Kind.Rotated, wanted.accreditation);
        _append(code, wanted.keyDigest, wanted.accreditation, 0, validTo);
        emit ControllerChanged(code, wanted.controller);
    }

    /// @notice The block's time in POSIX seconds.
    function chainTime() public view returns (uint64) {
        return uint64(block.timestamp / ticksPerSecond);
    }

    /// @notice Whether the issuer, and everybody above it, was accredited at `time`.
    function isTrustedAt(bytes10 code, uint64 time) public view returns (bool) {
        for (uint256 height = 0; height < 5; height++) {
            if (!_standsAt(code, time)) return false;
            code = _issuers[code].parent;
            if (code == 0) return true;
        }
        return false;
    }

    /// @notice Whether the issuer was accredited at `time` with the keys of this digest.
    function isTrustedWith(bytes10 code, bytes32 keyDigest, uint64 time) external view returns (bool) {
        (uint32 version, Version memory inForce) = versionAt(code, time);
        return version != 0 && inForce.keyDigest == keyDigest && isTrustedAt(code, time);
    }

    /// @notice The version whose interval holds `time`; number 0 where there is none.
    function versionAt(bytes10 code, uint64 time) public view returns (uint32 number, Version memory version) {
        Version[] storage versions = _versions[code];
        for (uint256 i = versions.length; i > 0; i--) {
            Version storage candidate = versions[i - 1];
            if (candidate.validFrom <= time) {
                if (time < candidate.validTo) return (uint32(i), candidate);
                if (candidate.validFrom < candidate.validTo) break; // Intervals are in order: none before holds it.
            }
        }
    }

    function issuerOf(bytes10 code) external view returns (Issuer memory) {
        return _issuers[code];
    }

    function controllerOf(bytes10 code) external view returns (address) {
        return _issuers[code].controller;
    }

    function versionOf(bytes10 code, uint32 number) external view returns (Version memory) {
        return _versions[code][number - 1];
    }

    function rotationOf(bytes10 code) external view returns (Rotation memory) {
        return _rotations[code];
    }

    /// @notice How many log entries have been mirrored here.
    function journalLength() external view returns (uint256) {
        return _journal.length;
    }

    /// @notice The `place`-th mirrored entry, from 1 on.
    function journalAt(uint256 place) external view returns (Entry memory) {
        return _journal[place - 1];
    }

    /// @notice Where in the journal this log entry is, or 0.
    function placeOf(bytes32 evidence) external view returns (uint256) {
        return _places[evidence];
    }

    function _known(bytes10 code) private view returns (Issuer storage issuer) {
        issuer = _issuers[code];
        if (issuer.status == Status.None) revert UnknownIssuer(code);
    }

    function _mustBeParentOf(bytes10 code) private view {
        bytes10 parent = _known(code).parent;
        if (parent == 0 || msg.sender != _issuers[parent].controller) revert NotTheParent(code, msg.sender);
    }

    function _controlled(bytes10 code) private view returns (Issuer storage issuer) {
        issuer = _known(code);
        if (msg.sender != issuer.controller) revert NotTheController(code, msg.sender);
        if (issuer.status != Status.Active) revert WrongStatus(code, issuer.status);
    }

    function _mustNotBeOver(bytes10 code) private view {
        Status status = _issuers[code].status;
        if (status != Status.Active && status != Status.Suspended) revert WrongStatus(code, status);
    }

    function _standsAt(bytes10 code, uint64 time) private view returns (bool) {
        (uint32 number, Version memory version) = versionAt(code, time);
        return number != 0 && time < version.compromisedSince;
    }

    /// @dev Levels only go down, so there are at most five. Nobody adds outside of their own province.
    function _mustFit(NewIssuer calldata issuer, Level above) private pure {
        bool service = issuer.level == Level.Service;
        if (issuer.level <= above || above >= Level.School) revert BadLevel(issuer.code, issuer.level);
        if (above == Level.Ministry && issuer.level != Level.Province) revert BadLevel(issuer.code, issuer.level);
        for (uint256 i = 0; i < 10; i++) {
            bytes1 sign = issuer.code[i];
            bytes1 least = service && i == 0 ? bytes1("S") : bytes1("0");
            bytes1 most = issuer.level == Level.School || i > 3 ? bytes1("9") : least;
            if (sign < least || sign > most) revert BadCode(issuer.code);
        }
        // A school's code is type (2), province (2), …; an authority's six digits stand behind zeros.
        uint256 place = issuer.level == Level.School ? 2 : 4;
        bool same = issuer.code[place] == issuer.parent[4] && issuer.code[place + 1] == issuer.parent[5];
        if (above != Level.Ministry && !same) revert OtherProvince(issuer.code, issuer.parent);
        // A service belongs to the authority whose code it carries.
        if (service && uint80(issuer.code) << 8 != uint80(issuer.parent) << 8) revert BadCode(issuer.code);
    }

    function _mirror(bytes10 code, Kind kind, bytes32 evidence) private {
        if (evidence == 0) revert EmptyField();
        if (_places[evidence] != 0) revert MirroredAlready(evidence);
        _journal.push(Entry(code, kind, evidence));
        _places[evidence] = _journal.length;
        emit Mirrored(_journal.length, code, kind, evidence);
    }

    /// @dev An interval never begins before the block that brings it, and ends what was in force before.
    function _append(bytes10 code, bytes32 keyDigest, bytes32 accreditation, uint64 validFrom, uint64 validTo) private {
        if (keyDigest == 0) revert EmptyField();
        Version[] storage versions = _versions[code];
        uint64 from = chainTime();
        if (validFrom > from) from = validFrom;
        if (validTo <= from) revert EmptyInterval(from, validTo);
        _cut(code, from);
        versions.push(Version(from, validTo, NEVER, keyDigest, accreditation));
        _issuers[code].versions = uint32(versions.length);
        emit VersionAdded(code, uint32(versions.length), keyDigest, from, validTo);
    }

    /// @dev Let nothing be in force from `time` on: intervals that have not begun become empty.
    function _cut(bytes10 code, uint64 time) private {
        Version[] storage versions = _versions[code];
        for (uint256 i = versions.length; i > 0; i--) {
            Version storage version = versions[i - 1];
            if (version.validTo <= time) {
                if (version.validFrom < version.validTo) break;
                continue;
            }
            version.validTo = version.validFrom > time ? version.validFrom : time;
            emit VersionEnded(code, uint32(i), version.validTo);
        }
    }

    /// @dev A resumed accreditation stands in several versions: all of them end.
    function _end(bytes10 code, bytes32 accreditation, uint64 time, bool compromised) private {
        uint256 place = _places[accreditation];
        if (place == 0 || _journal[place - 1].code != code) revert UnknownAccreditation(accreditation);
        Version[] storage versions = _versions[code];
        bool changed = false;
        bool found = false;
        for (uint256 i = versions.length; i > 0; i--) {
            Version storage version = versions[i - 1];
            if (version.accreditation != accreditation) continue;
            found = true;
            if (compromised && time < version.compromisedSince) {
                version.compromisedSince = time;
                emit VersionCompromised(code, uint32(i), time);
                changed = true;
            }
            if (!compromised && time < version.validTo) {
                version.validTo = version.validFrom > time ? version.validFrom : time;
                emit VersionEnded(code, uint32(i), version.validTo);
                changed = true;
            }
        }
        if (!found) revert UnknownAccreditation(accreditation);
        Issuer storage issuer = _issuers[code];
        if (issuer.status == Status.Suspended && issuer.suspendedVersion != 0 && time < issuer.suspendedTo) {
            // What was retired meanwhile does not come back with `resume`.
            if (versions[issuer.suspendedVersion - 1].accreditation == accreditation) issuer.suspendedTo = time;
        }
        // What ended earlier anyway need not change; what was said more strictly before does not soften.
        if (compromised && !changed) revert NothingToChange(code);
    }
}
