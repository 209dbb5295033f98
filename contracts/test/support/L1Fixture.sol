// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IEscape} from "../../src/l1/interfaces/IEscape.sol";
import {Approval, BatchHeader, IHub, Outcome, Statement, Transfer, Transition} from "../../src/l1/interfaces/IHub.sol";
import {IInbox} from "../../src/l1/interfaces/IInbox.sol";
import {IJudge} from "../../src/l1/interfaces/IJudge.sol";
import {IL1Bridge} from "../../src/l1/interfaces/IL1Bridge.sol";
import {IAttestationPolicy, IPolicy} from "../../src/l1/interfaces/IPolicy.sol";
import {ISequencerRegistry} from "../../src/l1/interfaces/ISequencerRegistry.sol";
import {ISlasher} from "../../src/l1/interfaces/ISlasher.sol";
import {Realm} from "../../src/l1/lib/Realm.sol";
import {Artifacts} from "./Artifacts.sol";
import {vm} from "./Vm.sol";

/// What the slasher lets anybody read beside its interface.
interface IReadableSlasher is ISlasher {
    function COMMITMENT_TYPE() external view returns (uint64);
    function reserveOf(bytes32 id) external view returns (bytes32 item, uint256 amount);
}

/// A realm on L1 with its contracts, a sequencer and five attesters, and what it takes to post and settle.
abstract contract L1Fixture {
    uint64 internal constant REALM = 7;
    uint64 internal constant FORCE_WINDOW = 20;
    uint64 internal constant SILENCE_WINDOW = 50;
    uint64 internal constant EXIT_WINDOW = 100;
    uint256 internal constant BOND = 10 ether;
    uint256 internal constant PENALTY = 8 ether;
    bytes32 internal constant PROGRAM = "program";

    uint256 internal constant SEQUENCER_KEY = 0x5e9;
    address internal constant operator = address(uint160(0x0be7a7));
    address internal constant alice = address(uint160(0xa11ce));
    address internal constant bob = address(uint160(0xb0b));

    IHub internal hub;
    IInbox internal inbox;
    IL1Bridge internal bridge;
    IEscape internal escape;
    ISequencerRegistry internal registry;
    IJudge internal judge;
    IReadableSlasher internal slasher;
    IAttestationPolicy internal policy;
    uint256[5] internal attesters;

    mapping(uint32 rollup => Outcome) internal outcomes;

    function setUp() public virtual {
        vm.roll(1000);
        vm.deal(address(this), 1_000 ether);
        vm.deal(alice, 1_000 ether);
        deploy(REALM, vm.addr(SEQUENCER_KEY));
        policy = newPolicy(3);
    }

    receive() external payable {}

    function deploy(uint64 realm, address sequencer) internal {
        uint256 nonce = vm.getNonce(address(this));
        address[6] memory next;
        for (uint256 i = 0; i < 6; i++) {
            next[i] = vm.computeCreateAddress(address(this), nonce + i);
        }
        inbox = IInbox(Artifacts.create("Inbox", abi.encode(next[1], next[2], next[3], realm)));
        bytes memory windows = abi.encode(FORCE_WINDOW, SILENCE_WINDOW, EXIT_WINDOW);
        bytes memory config = abi.encode(realm, inbox, next[2], next[4], next[3], address(0));
        hub = IHub(Artifacts.create("Hub", bytes.concat(config, windows)));
        bridge = IL1Bridge(Artifacts.create("L1Bridge", abi.encode(hub, inbox, next[3])));
        escape = IEscape(Artifacts.create("Escape", abi.encode(hub, bridge, inbox)));
        registry = newRegistry(next[5], realm, sequencer);
        judge = IJudge(vm.computeCreateAddress(address(this), nonce + 6));
        slasher = IReadableSlasher(Artifacts.create("Slasher", slasherConfig(realm, address(this), 3 ether)));
        Artifacts.create("Judge", abi.encode(hub, realm));
    }

    function newRegistry(address by, uint64 realm, address sequencer) internal returns (ISequencerRegistry) {
        bytes memory arguments = abi.encode(hub, by, realm, 1 ether, 30, operator, sequencer);
        return ISequencerRegistry(Artifacts.create("SequencerRegistry", arguments, BOND));
    }

    function slasherConfig(uint64 realm, address urc, uint256 urcPenalty) internal view returns (bytes memory) {
        return abi.encode(hub, judge, registry, realm, PENALTY, 1 ether, urc, urcPenalty, 5);
    }

    /// m of the five attesters, in the order of their addresses.
    function newPolicy(uint256 threshold) internal returns (IAttestationPolicy) {
        address[] memory addresses = new address[](5);
        for (uint256 i = 0; i < 5; i++) {
            uint256 key = 0xa77e57 + i;
            uint256 place = i;
            for (; place > 0 && addresses[place - 1] > vm.addr(key); place--) {
                (addresses[place], attesters[place]) = (addresses[place - 1], attesters[place - 1]);
            }
            (addresses[place], attesters[place]) = (vm.addr(key), key);
        }
        return IAttestationPolicy(Artifacts.create("AttestationPolicy", abi.encode(PROGRAM, threshold, addresses)));
    }

    /// The rollup with this chain id; those of `registerMany` have 901 and so on.
    function register(uint64 chainId, IPolicy by, uint256 value) internal returns (uint32 id) {
        bytes32 root = keccak256(abi.encode("state", chainId));
        id = hub.register{value: value}(chainId, by, root, keccak256("genesis"), "config");
        outcomes[id] = Outcome(root, keccak256("genesis"), 0, 0, 0, 0);
    }

    function registerMany(uint32 count) internal {
        for (uint32 i = 1; i <= count; i++) {
            register(900 + i, policy, 10 ether);
        }
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v - 27);
    }

    /// The next batch, which names rollups 1 to `rollups`.
    function nextHeader(uint32 rollups) internal view returns (BatchHeader memory header) {
        (uint64 number, uint64 lastSlot,,, bytes32 parent) = hub.posted();
        (header.number, header.parent) = (number + 1, parent);
        (header.firstSlot, header.lastSlot) = (lastSlot + 1, lastSlot + 60);
        header.inboxCursor = inbox.count();
        header.l1Number = uint64(block.number - 1);
        header.l1Hash = blockhash(block.number - 1);
        header.rollups = uint128((1 << rollups) - 1);
        (header.laneRoot, header.content) = (keccak256("lane"), keccak256("content"));
    }

    function setBlobs() internal returns (bytes32[] memory blobs) {
        blobs = new bytes32[](2);
        (blobs[0], blobs[1]) = (bytes32(uint256(1) << 248 | 1), bytes32(uint256(1) << 248 | 2));
        vm.blobhashes(blobs);
    }

    function signed(BatchHeader memory header) internal returns (bytes memory) {
        return sign(SEQUENCER_KEY, hub.batchDigest(header, setBlobs()));
    }

    /// Lets a block pass, so that every entry is in a block that the next batch can know, and posts it.
    function post(uint32 rollups) internal returns (BatchHeader memory header, bytes32 hash) {
        vm.roll(block.number + 1);
        header = nextHeader(rollups);
        hash = hub.postBatch(header, signed(header));
    }

    /// A statement after which each of `rollups` rollups has this exit root.
    function nextStatement(uint64 lastBatch, bytes32 batchHash, uint32 rollups, bytes32 exitRoot)
        internal
        view
        returns (Statement memory statement)
    {
        (uint64 number,,,) = hub.settled();
        (statement.firstBatch, statement.lastBatch) = (number + 1, lastBatch);
        (statement.batchHash, statement.programId) = (batchHash, PROGRAM);
        statement.transitions = new Transition[](rollups);
        for (uint32 i = 0; i < rollups; i++) {
            Outcome memory post_ = Outcome(
                keccak256(abi.encode("state", lastBatch, i)),
                keccak256(abi.encode("block", lastBatch, i)),
                lastBatch * 60,
                exitRoot,
                keccak256("accounting"),
                keccak256("heads")
            );
            bytes32 pre = hub.commitmentOf(i + 1);
            statement.transitions[i] = Transition(i + 1, pre, keccak256("proposal"), keccak256("outcome"), post_);
        }
    }

    /// The first `count` attesters' approval.
    function approve(Statement memory statement, uint256 count) internal view returns (Approval[] memory approvals) {
        approvals = new Approval[](1);
        approvals[0] = Approval(policy, proofOf(hub.statementDigest(statement), count));
    }

    function proofOf(bytes32 digest, uint256 count) internal view returns (bytes memory proof) {
        for (uint256 i = 0; i < count; i++) {
            proof = bytes.concat(proof, bytes1(uint8(i)), sign(attesters[i], digest));
        }
    }

    /// Posts a batch and settles everything up to it in one call.
    function postAndSettle(uint32 rollups, bytes32 exitRoot) internal returns (bytes32 digest) {
        vm.roll(block.number + 1);
        BatchHeader memory header = nextHeader(rollups);
        bytes memory signature = signed(header);
        bytes32 hash = hashOf(header);
        Statement memory statement = nextStatement(header.number, hash, rollups, exitRoot);
        Approval[] memory approvals = approve(statement, 3);
        digest = hub.statementDigest(statement);
        hub.postAndSettle(header, signature, statement, approvals);
    }

    /// The hash that a batch with the blobs of `setBlobs` gets.
    function hashOf(BatchHeader memory header) internal returns (bytes32) {
        bytes32 signedDigest = hub.batchDigest(header, setBlobs());
        bytes28 accumulator = inbox.accumulatorAt(header.inboxCursor);
        bytes memory body = abi.encodePacked(signedDigest, hub.registryHash(), accumulator);
        return Realm.hash(Realm.BATCH, address(hub), hub.realm(), body);
    }

    /// Posts a batch and settles it with the given exit root for rollup 1 and all others.
    function settleWith(uint32 rollups, bytes32 exitRoot, Transfer[] memory transfers) internal {
        (BatchHeader memory header, bytes32 hash) = post(rollups);
        Statement memory statement = nextStatement(header.number, hash, rollups, exitRoot);
        statement.transfers = transfers;
        Approval[] memory approvals = approve(statement, 3);
        hub.settle(statement, approvals);
    }

    /// Settles an inbox-only batch of all rollups, which has no blobs, so that forge can measure it in isolation.
    function settleForced(uint32 rollups, bytes32 exitRoot) internal {
        bytes32 hash = postForced();
        (uint64 number,,,,) = hub.posted();
        Statement memory statement = nextStatement(number, hash, rollups, exitRoot);
        Approval[] memory approvals = approve(statement, 3);
        hub.settle(statement, approvals);
    }

    function postForced() internal returns (bytes32) {
        inbox.forceTransaction(901, "transaction");
        vm.roll(block.number + SILENCE_WINDOW + 1);
        return hub.postForced(inbox.count());
    }

    function assertEq(uint256 left, uint256 right) internal pure {
        require(left == right, "numbers differ");
    }

    function assertEq(bytes32 left, bytes32 right) internal pure {
        require(left == right, "words differ");
    }

    function assertEq(address left, address right) internal pure {
        require(left == right, "addresses differ");
    }

    function assertTrue(bool fact) internal pure {
        require(fact, "not true");
    }
}
