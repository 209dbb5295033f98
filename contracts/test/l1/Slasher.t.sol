// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "../../src/l1/interfaces/IHub.sol";
import {IJudge, Verdict} from "../../src/l1/interfaces/IJudge.sol";
import {ISequencerRegistry} from "../../src/l1/interfaces/ISequencerRegistry.sol";
import {ISlasher, IUrcSlasher} from "../../src/l1/interfaces/ISlasher.sol";
import {Artifacts} from "../support/Artifacts.sol";
import {IReadableSlasher, L1Fixture} from "../support/L1Fixture.sol";
import {Reentrant} from "../support/Reentrant.sol";
import {Urc} from "../support/Urc.sol";
import {vm} from "../support/Vm.sol";

/// The judge and the slasher against `vectors/evidence/evidence.json`, which the Rust crate wrote.
contract SlasherTest is L1Fixture {
    uint256 private constant VECTORS = 49;
    uint256 private constant ACQUITTALS = 70;
    address private constant HUB = address(uint160(0x005e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e));

    uint256 private constant COMMITTER_KEY = 0xc0;
    uint256 private constant URC_PENALTY = 3 ether;
    uint256 private constant URC_COLLATERAL = 4 ether;

    string private json;
    address private sequencer;
    Urc private urc;

    function setUp() public override {
        vm.roll(1000);
        vm.chainId(1);
        json = vm.readFile("../vectors/evidence/evidence.json");
        sequencer = address(bytes20(vm.parseJsonBytes(json, ".vectors[0].key")));
        vm.deal(address(this), 1_000 ether);
        urc = new Urc();
        // The vectors belong to a hub at an address of their own.
        hub = IHub(HUB);
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 2);
        judge = IJudge(Artifacts.create("Judge", abi.encode(HUB, 7)));
        registry = newRegistry(next, 7, sequencer);
        slasher = IReadableSlasher(Artifacts.create("Slasher", slasherConfig(7, address(urc), URC_PENALTY)));
    }

    function test_p47_judge_decidesTheVectors() public view {
        uint256 decided = 0;
        for (uint256 i = 0; i < VECTORS; i++) {
            bytes memory evidence = _bytes(i, "encoding");
            if (!_isDecided(i)) continue;
            Verdict memory verdict = judge.judge(evidence);
            assertEq(verdict.id, bytes32(_bytes(i, "id")));
            assertEq(verdict.key, address(bytes20(_bytes(i, "key"))));
            assertEq(verdict.fault, vm.parseJsonUint(json, _key(i, "fault")));
            decided++;
        }
        assertEq(decided, 43);
    }

    function test_p47_judge_refusesTheOthersByKind() public {
        for (uint256 i = 0; i < VECTORS; i++) {
            bytes memory evidence = _bytes(i, "encoding");
            if (_isDecided(i)) continue;
            vm.expectRevert(abi.encodeWithSelector(IJudge.NotDecidedHere.selector, uint8(evidence[39])));
            judge.judge(evidence);
        }
    }

    /// What the crate refuses, L1 refuses: `vectors/evidence/acquittals.json`.
    function test_p47_judge_acquitsWhomTheCrateAcquits() public view {
        string memory innocent = vm.readFile("../vectors/evidence/acquittals.json");
        for (uint256 i = 0; i < ACQUITTALS; i++) {
            bytes memory evidence = vm.parseJsonBytes(innocent, _key(i, "encoding"));
            try judge.judge(evidence) {
                revert(vm.parseJsonString(innocent, _key(i, "name")));
            } catch {}
        }
    }

    /// A sealed item's part of the judge gets little gas: what it then does not know convicts nobody.
    function test_p47_judge_tooLittleGasConvictsNobody() public view {
        bytes memory evidence = _bytes(_find("wrong plaintext of junk"), "encoding");
        bytes memory honest = _innocent("own legs of a sealed bundle");
        bytes memory last = _innocent("legs of others in the result of the last part");
        uint256 judged = 0;
        for (uint256 gas_ = 20_000; gas_ < 900_000; gas_ += gas_ / 60) {
            try judge.judge{gas: gas_}(evidence) returns (Verdict memory) {
                judged++;
            } catch {}
            try judge.judge{gas: gas_}(honest) returns (Verdict memory) {
                revert("the honest is convicted");
            } catch {}
            try judge.judge{gas: gas_}(last) returns (Verdict memory) {
                revert("the honest is convicted of a part");
            } catch {}
        }
        require(judged > 0, "nobody is convicted with enough gas");
    }

    /// forge-config: default.isolate = true
    function test_gas_punishSealed() public {
        _report(_bytes(_find("stale inclusion"), "encoding"));
        vm.snapshotGasLastCall("punish a stale inclusion, 256 bytes");
        _report(_bytes(_find("false verdict"), "encoding"));
        vm.snapshotGasLastCall("punish a false verdict by its seed, 256 bytes");
    }

    /// forge-config: default.isolate = true
    function test_gas_punishOpening() public {
        _report(_bytes(_find("an item out of junk"), "encoding"));
        vm.snapshotGasLastCall("punish an item out of junk by the key's secret, 256 bytes");
    }

    /// forge-config: default.isolate = true
    function test_gas_punishSealedLegs() public {
        _report(_bytes(_find("wrong plaintext"), "encoding"));
        vm.snapshotGasLastCall("punish a wrong plaintext by its seed, 256 bytes");
    }

    /// forge-config: default.isolate = true
    function test_gas_punishPart() public {
        _report(_bytes(_find("wrong plaintext of a part, a leg without the marker"), "encoding"));
        vm.snapshotGasLastCall("punish a wrong leg of a bundle in parts, 512 bytes");
    }

    /// What each decided fault costs, one after the other from the same state.
    ///
    /// forge-config: default.isolate = true
    function test_gas_punishEveryFault() public {
        _enrollMember(address(bytes20(_bytes(_find("two shares"), "key"))));
        uint256 snapshots = 0;
        uint256 before = vm.snapshotState();
        for (uint256 i = 0; i < VECTORS; i++) {
            if (!_isDecided(i)) continue;
            _report(_bytes(i, "encoding"));
            vm.snapshotGasLastCall(string.concat("punish, ", vm.parseJsonString(json, _key(i, "name"))));
            assertTrue(vm.revertToState(before));
            snapshots++;
        }
        assertEq(snapshots, 43);
    }

    /// An altered byte convicts nobody, or a key that nobody has: every byte of every decided evidence. In four tests, which
    /// run beside each other.
    function test_p47_judge_noByteCanBeChanged0() public view {
        _changeEveryByte(0);
    }

    function test_p47_judge_noByteCanBeChanged1() public view {
        _changeEveryByte(1);
    }

    function test_p47_judge_noByteCanBeChanged2() public view {
        _changeEveryByte(2);
    }

    function test_p47_judge_noByteCanBeChanged3() public view {
        _changeEveryByte(3);
    }

    /// By somebody without code, who has something already: only the contracts' gas counts.
    function _report(bytes memory evidence) private {
        vm.deal(bob, 1);
        vm.prank(bob);
        slasher.punish(evidence);
    }

    function _changeEveryByte(uint256 quarter) private view {
        for (uint256 i = quarter; i < VECTORS; i += 4) {
            bytes memory evidence = _bytes(i, "encoding");
            if (!_isDecided(i)) continue;
            address key = address(bytes20(_bytes(i, "key")));
            for (uint256 place = 0; place < evidence.length; place++) {
                bytes1 before = evidence[place];
                evidence[place] = before ^ bytes1(uint8(1) << uint8(place % 8));
                try judge.judge(evidence) returns (Verdict memory verdict) {
                    require(verdict.key != key, "an altered evidence convicts");
                } catch {}
                evidence[place] = before;
            }
            require(judge.judge(evidence).key == key, "the evidence convicts nobody");
        }
    }

    /// Gives the operator a member's key, whose secret the vectors do not tell: `keys` is the registry's fourth word.
    function _enrollMember(address key) private {
        bytes32 entry = bytes32(uint256(uint160(operator)) | uint256(ISequencerRegistry.Role.Member) << 160);
        vm.store(address(registry), keccak256(abi.encode(key, uint256(3))), entry);
        (address known, ISequencerRegistry.Role role) = registry.keyOf(key);
        assertTrue(known == operator && role == ISequencerRegistry.Role.Member);
    }

    function test_p47_judge_refusesWhatFollowsOrIsMissing() public {
        bytes memory evidence = _bytes(0, "encoding");
        vm.expectRevert(abi.encodeWithSelector(IJudge.NotEvidence.selector, evidence.length));
        judge.judge(bytes.concat(evidence, hex"00"));
        assembly {
            mstore(evidence, sub(mload(evidence), 1))
        }
        vm.expectRevert();
        judge.judge(evidence);
    }

    function test_p1_judge_refusesAnotherRealm() public {
        IJudge other = IJudge(Artifacts.create("Judge", abi.encode(HUB, 8)));
        vm.expectRevert(abi.encodeWithSelector(IJudge.NotEvidence.selector, 0));
        other.judge(_bytes(0, "encoding"));
        vm.chainId(2);
        vm.expectRevert(abi.encodeWithSelector(IJudge.NotEvidence.selector, 0));
        judge.judge(_bytes(0, "encoding"));
    }

    function test_p47_punish_paysReporterAndKeepsTheVictimsPart() public {
        bytes memory evidence = _bytes(0, "encoding");
        vm.prank(bob);
        bytes32 id = slasher.punish(evidence);
        assertEq(id, bytes32(_bytes(0, "id")));
        assertEq(bob.balance, PENALTY / 8);
        assertEq(address(slasher).balance, PENALTY / 2);
        assertEq(registry.bondOf(operator), BOND - PENALTY);
        (, uint256 kept) = slasher.reserveOf(id);
        assertEq(kept, PENALTY / 2);
    }

    function test_p47_punish_isOnce() public {
        bytes32 id = slasher.punish(_bytes(0, "encoding"));
        vm.expectRevert(abi.encodeWithSelector(ISlasher.AlreadyConvicted.selector, id));
        slasher.punish(_bytes(0, "encoding"));
        // Another fault counts, up to what is left.
        slasher.punish(_bytes(4, "encoding"));
        assertEq(registry.bondOf(operator), 0);
    }

    function test_p47_punish_fromWithin_isOnce() public {
        registry.addBond{value: 10 * PENALTY}(operator);
        Reentrant reporter = new Reentrant();
        bytes memory punish = abi.encodeCall(ISlasher.punish, (_bytes(0, "encoding")));
        reporter.arm(address(slasher), punish);
        reporter.run(address(slasher), punish);
        assertTrue(reporter.wasCalled() && !reporter.hasEntered());
        assertEq(registry.bondOf(operator), BOND + 9 * PENALTY);
    }

    function test_p47_punish_needsAKnownKey() public {
        // The member's key has no operator.
        uint256 shares = _find("two shares");
        bytes memory evidence = _bytes(shares, "encoding");
        address key = address(bytes20(_bytes(shares, "key")));
        vm.expectRevert(abi.encodeWithSelector(ISlasher.UnknownKey.selector, key));
        slasher.punish(evidence);
    }

    function test_p47_compensate_paysWhoSentTheItem() public {
        uint256 index = _find("unbundling, a leg alone");
        bytes memory evidence = _bytes(index, "encoding");
        bytes32 id = slasher.punish(evidence);
        // The evidence ends with the item, behind the byte that says it is in clear.
        Verdict memory verdict = judge.judge(evidence);
        bytes memory item = _itemIn(evidence, verdict.item);
        uint256 amount = slasher.compensate(id, item);
        assertEq(amount, PENALTY / 2);
        assertEq(address(slasher).balance, 0);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.NothingReserved.selector, id));
        slasher.compensate(id, item);
    }

    function test_p47_compensate_paysWhoPaysForAnEnvelope() public {
        bytes memory evidence = _bytes(_find("stale inclusion"), "encoding");
        bytes32 id = slasher.punish(evidence);
        // The evidence ends with an envelope by an epoch's key, of the smallest size: 92 bytes, head, seed, body.
        bytes memory envelope = _tail(evidence, 92 + 33 + 32 + 256);
        address payer = address(uint160(0x00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa));
        envelope[91] ^= 0x01;
        vm.expectRevert();
        slasher.compensate(id, envelope);
        envelope[91] ^= 0x01;
        assertEq(slasher.compensate(id, envelope), PENALTY / 2);
        assertEq(payer.balance, PENALTY / 2);
    }

    function test_p47_compensate_fromWithin_paysOnce() public {
        registry.addBond{value: 10 * PENALTY}(operator);
        bytes memory evidence = _bytes(_find("stale inclusion"), "encoding");
        bytes32 id = slasher.punish(evidence);
        // What is kept for somebody else.
        slasher.punish(_bytes(0, "encoding"));
        bytes memory envelope = _tail(evidence, 92 + 33 + 32 + 256);
        address payable payer = payable(address(uint160(0x00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)));
        vm.etch(payer, type(Reentrant).runtimeCode);
        Reentrant(payer).arm(address(slasher), abi.encodeCall(ISlasher.compensate, (id, envelope)));
        slasher.compensate(id, envelope);
        assertTrue(Reentrant(payer).wasCalled());
        assertEq(payer.balance, PENALTY / 2);
        assertEq(address(slasher).balance, PENALTY / 2);
    }

    function test_p47_compensate_refusesAnotherItem() public {
        uint256 index = _find("unbundling, a leg alone");
        bytes memory evidence = _bytes(index, "encoding");
        bytes32 id = slasher.punish(evidence);
        bytes memory item = _itemIn(evidence, judge.judge(evidence).item);
        item[2] = 0x01;
        vm.expectRevert();
        slasher.compensate(id, item);
    }

    function test_urc_slashesWhatTheCommitmentBinds() public {
        IUrcSlasher.Delegation memory none;
        bytes memory evidence = _bytes(0, "encoding");
        IUrcSlasher.Commitment memory commitment = _binding(sequencer);
        IUrcSlasher.Commitment memory other = _binding(bob);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.OnlyUrc.selector, address(this)));
        slasher.slash(none, commitment, operator, evidence, bob);
        vm.startPrank(address(urc));
        assertEq(slasher.slash(none, commitment, operator, evidence, bob), URC_PENALTY);
        bytes32 id = bytes32(_bytes(0, "id"));
        vm.expectRevert(abi.encodeWithSelector(ISlasher.AlreadyConvicted.selector, id));
        slasher.slash(none, commitment, operator, evidence, bob);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.WrongCommitment.selector));
        slasher.slash(none, other, operator, evidence, bob);
        vm.stopPrank();
    }

    /// From registration to burned collateral, by the URC's own checks.
    function test_urc_burnsTheCollateralOfWhoOptedIn() public {
        bytes memory evidence = _bytes(0, "encoding");
        IUrcSlasher.Commitment memory binding = _binding(sequencer);
        bytes memory signature = _signUrc(COMMITTER_KEY, binding);
        bytes32 root = _registerAtUrc();
        vm.expectRevert(abi.encodeWithSelector(Urc.NotOptedIn.selector));
        urc.slashCommitment(root, Urc.SignedCommitment(binding, signature), evidence);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Urc.WrongOperator.selector));
        urc.optInToSlasher(root, address(slasher), vm.addr(COMMITTER_KEY));
        vm.prank(operator);
        urc.optInToSlasher(root, address(slasher), vm.addr(COMMITTER_KEY));
        uint256 burned = address(0).balance;
        vm.prank(bob);
        assertEq(urc.slashCommitment(root, Urc.SignedCommitment(binding, signature), evidence), URC_PENALTY);
        assertEq(address(0).balance - burned, URC_PENALTY);
        assertEq(urc.collateralOf(root), URC_COLLATERAL - URC_PENALTY);
        // The URC slashes once for a slasher, and our own bond answers besides.
        vm.expectRevert(abi.encodeWithSelector(Urc.SlashingAlreadyOccurred.selector));
        urc.slashCommitment(root, Urc.SignedCommitment(binding, signature), evidence);
        slasher.punish(evidence);
        assertEq(registry.bondOf(operator), BOND - PENALTY);
    }

    function test_urc_slashesNobodyWithoutTheCommittersWord() public {
        bytes memory evidence = _bytes(0, "encoding");
        bytes32 root = _registerAtUrc();
        vm.prank(operator);
        urc.optInToSlasher(root, address(slasher), vm.addr(COMMITTER_KEY));
        IUrcSlasher.Commitment memory binding = _binding(sequencer);
        bytes memory signature = _signUrc(0xbad, binding);
        vm.expectRevert(abi.encodeWithSelector(Urc.UnauthorizedCommitment.selector));
        urc.slashCommitment(root, Urc.SignedCommitment(binding, signature), evidence);
        // A commitment for another key, signed as it must be: the slasher refuses, and nothing is burned.
        binding = _binding(bob);
        signature = _signUrc(COMMITTER_KEY, binding);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.WrongCommitment.selector));
        urc.slashCommitment(root, Urc.SignedCommitment(binding, signature), evidence);
        // For another slasher nobody opted in.
        binding.slasher = alice;
        signature = _signUrc(COMMITTER_KEY, binding);
        vm.expectRevert(abi.encodeWithSelector(Urc.NotOptedIn.selector));
        urc.slashCommitment(root, Urc.SignedCommitment(binding, signature), evidence);
        assertEq(urc.collateralOf(root), URC_COLLATERAL);
    }

    function test_urc_slashesNoMoreThanThereIs() public {
        bytes32 root = urc.register{value: 1 ether}(keccak256("small"), operator);
        vm.prank(operator);
        urc.optInToSlasher(root, address(slasher), vm.addr(COMMITTER_KEY));
        IUrcSlasher.Commitment memory binding = _binding(sequencer);
        bytes memory signature = _signUrc(COMMITTER_KEY, binding);
        bytes memory evidence = _bytes(0, "encoding");
        vm.expectRevert(abi.encodeWithSelector(Urc.SlashAmountExceedsCollateral.selector));
        urc.slashCommitment(root, Urc.SignedCommitment(binding, signature), evidence);
    }

    function _registerAtUrc() private returns (bytes32) {
        return urc.register{value: URC_COLLATERAL}(keccak256("keys"), operator);
    }

    function _binding(address key) private view returns (IUrcSlasher.Commitment memory) {
        bytes memory payload = abi.encode(HUB, uint64(7), key);
        return IUrcSlasher.Commitment(slasher.COMMITMENT_TYPE(), payload, address(slasher));
    }

    function _signUrc(uint256 key, IUrcSlasher.Commitment memory commitment) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encode(commitment)));
        return abi.encodePacked(r, s, v);
    }

    /// Early leaks are not, nor is whether an item is well formed.
    function _isDecided(uint256 index) private view returns (bool) {
        bytes32 name = keccak256(bytes(vm.parseJsonString(json, _key(index, "name"))));
        string[6] memory undecided = [
            "early leak",
            "false verdict of malformed",
            "false verdict of a malformed part",
            "wrong plaintext of a part, a leg that was not committed to",
            "wrong plaintext of a part, on another rollup",
            "unbundling, without the leg of another part"
        ];
        for (uint256 i = 0; i < undecided.length; i++) {
            if (name == keccak256(bytes(undecided[i]))) return false;
        }
        return true;
    }

    /// Returns the end of `evidence` that has this hash as an item.
    function _itemIn(bytes memory evidence, bytes32 hash) private pure returns (bytes memory item) {
        bytes memory prefix = abi.encodePacked("weft", uint8(1), uint16(1), uint64(1), HUB, uint64(7));
        for (uint256 from = 40; from < evidence.length; from++) {
            item = new bytes(evidence.length - from);
            for (uint256 i = 0; i < item.length; i++) {
                item[i] = evidence[from + i];
            }
            if (keccak256(bytes.concat(prefix, item)) == hash) return item;
        }
        revert("no such item");
    }

    function _tail(bytes memory data, uint256 length) private pure returns (bytes memory tail) {
        tail = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            tail[i] = data[data.length - length + i];
        }
    }

    function _find(string memory name) private view returns (uint256 index) {
        for (; index < VECTORS; index++) {
            string memory found = vm.parseJsonString(json, _key(index, "name"));
            if (keccak256(bytes(found)) == keccak256(bytes(name))) return index;
        }
        revert("no such vector");
    }

    function _innocent(string memory name) private view returns (bytes memory) {
        string memory innocent = vm.readFile("../vectors/evidence/acquittals.json");
        for (uint256 i = 0; i < ACQUITTALS; i++) {
            string memory found = vm.parseJsonString(innocent, _key(i, "name"));
            if (keccak256(bytes(found)) == keccak256(bytes(name))) {
                return vm.parseJsonBytes(innocent, _key(i, "encoding"));
            }
        }
        revert("no such vector");
    }

    function _bytes(uint256 index, string memory field) private view returns (bytes memory) {
        return vm.parseJsonBytes(json, _key(index, field));
    }

    function _key(uint256 index, string memory field) private pure returns (string memory) {
        bytes memory digits = index < 10
            ? abi.encodePacked(bytes1(uint8(48 + index)))
            : abi.encodePacked(bytes1(uint8(48 + index / 10)), bytes1(uint8(48 + index % 10)));
        return string.concat(".vectors[", string(digits), "].", field);
    }
}
