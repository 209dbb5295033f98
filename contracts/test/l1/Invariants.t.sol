// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, Outcome, Statement, Transfer} from "../../src/l1/interfaces/IHub.sol";
import {IL1Bridge} from "../../src/l1/interfaces/IL1Bridge.sol";
import {ExitTree} from "../../src/l1/lib/ExitTree.sol";
import {TestToken} from "../../src/test/TestToken.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {States} from "../support/States.sol";
import {newToken} from "../support/Tokens.sol";
import {vm} from "../support/Vm.sol";

/// Users, a sequencer and attesters that sign anything: what they do at random, and what was counted beside it. No call of a
/// handler reverts (`fail-on-revert`): what must succeed is called, and what must be refused is tried and its refusal checked.
contract RealmHandler is L1Fixture {
    struct Exit {
        address token;
        uint256 amount;
    }

    uint32 private constant ROLLUPS = 3;
    uint256 private constant MOST = 10 ether;

    TestToken public token;
    /// What was paid out, and into which the bridge took.
    mapping(address asset => uint256) public paidIn;
    mapping(address asset => uint256) public paidOut;
    uint256 public claims;
    uint256 public refusedAgain;
    uint256 public settlements;
    uint256 public transfers;
    uint256 public escapes;
    uint256 public slashes;
    uint256 public wentBack;
    /// What the operator gave as bond, and lost of it.
    uint256 public bonded;
    uint256 public lost;

    /// One exit for each settlement: all rollups have the same tree.
    Exit[] private exits;
    bytes32[] private leaves;
    mapping(bytes32 claim => bool) private wasClaimed;

    /// Settled outcome of rollup 1, in which alice has `aliceHas`.
    Outcome private outcome;
    bytes[] private proof;
    uint256 private aliceHas;
    bool private hasLeft;

    uint64 private postedCursor;
    uint64 private settledCursor;
    uint64 private settledNumber;

    function setUp() public override {
        super.setUp();
        registerMany(ROLLUPS);
        paidIn[address(0)] = 30 ether;
        bonded = BOND;
        token = newToken("Native", "NAT", 8);
        token.mint(address(this), 1e30);
        token.approve(address(bridge), type(uint256).max);
        vm.deal(address(this), 1e30);
    }

    function bridgeEther(uint32 to, uint256 amount) external {
        amount = 1 + amount % MOST;
        bridge.bridgeAsset{value: amount}(_network(to), bob, amount, address(0), amount % 2 == 0, "");
        paidIn[address(0)] += amount;
    }

    function bridgeToken(uint32 to, uint256 amount) external {
        amount = 1 + amount % MOST;
        bridge.bridgeAsset(_network(to), bob, amount, address(token), amount % 2 == 0, "");
        paidIn[address(token)] += amount;
    }

    function message(uint32 to, uint256 amount) external {
        amount %= MOST;
        bridge.bridgeMessage{value: amount}(_network(to), bob, false, "message");
        paidIn[address(0)] += amount;
    }

    function deposit(uint32 to, uint256 amount) external {
        amount %= MOST;
        inbox.deposit{value: amount}(_network(to), bob, 100_000, "");
        paidIn[address(0)] += amount;
    }

    function force(uint32 to, uint8 blocks) external {
        inbox.forceTransaction(_network(to), "transaction");
        vm.roll(block.number + blocks % 4);
    }

    /// A batch with any cursor; the hub takes what it must.
    function postAny(uint64 cursor) external {
        vm.roll(block.number + 1);
        BatchHeader memory header = nextHeader(ROLLUPS);
        header.inboxCursor = cursor % (inbox.count() + 2);
        try hub.postBatch(header, signed(header)) {} catch {}
        _noteCursors();
    }

    /// A settlement with any exit that is covered, any transfer that is, and any balance of alice.
    function settleAny(uint256 amount, bool ofToken, uint256 moved, uint8 route, uint256 balance) external {
        address asset = ofToken ? address(token) : address(0);
        exits.push(Exit(asset, amount % (1 + _least(asset))));
        leaves.push(bridge.getLeafValue(0, 0, asset, 0, bob, exits[exits.length - 1].amount, keccak256("")));
        (BatchHeader memory header, bytes32 hash) = post(ROLLUPS);
        Statement memory statement = nextStatement(header.number, hash, ROLLUPS, _exitRoot());
        statement.transfers = _transfers(asset, moved, route);
        transfers += statement.transfers.length;
        aliceHas = 1 + balance % MOST;
        delete proof;
        proof.push(States.leafNode(alice, 0, States.account(aliceHas, States.EMPTY_TRIE)));
        statement.transitions[0].post.stateRoot = keccak256(proof[0]);
        (outcome, hasLeft) = (statement.transitions[0].post, false);
        hub.settle(statement, approve(statement, 3));
        settlements++;
        _noteCursors();
    }

    /// Claims an exit of a rollup: it is paid once, as far as the rollup has what it takes.
    function claimAny(uint256 index, uint8 rollup) external {
        if (exits.length == 0) return;
        index %= exits.length;
        Exit memory exit = exits[index];
        uint256 place = uint256(rollup % ROLLUPS) << 32 | index;
        bytes32 name = keccak256(abi.encode(place));
        bool isCovered = bridge.escrowOf(_network(rollup), 0, exit.token) >= exit.amount;
        try bridge.claimCompact(_path(index), place, 0, exit.token, bob, exit.amount, "") {
            require(!wasClaimed[name], "an exit was claimed twice");
            require(isCovered, "more was paid than there is");
            wasClaimed[name] = true;
            paidOut[exit.token] += exit.amount;
            claims++;
        } catch (bytes memory error) {
            bytes4 expected =
                wasClaimed[name] ? IL1Bridge.AlreadyClaimed.selector : IL1Bridge.InsufficientEscrow.selector;
            require(bytes4(error) == expected && (wasClaimed[name] || !isCovered), "a claim was refused");
            if (wasClaimed[name]) refusedAgain++;
        }
        require(bridge.isClaimed(uint32(index), _network(rollup)) == wasClaimed[name], "the bridge forgot a claim");
    }

    /// Alice leaves by the settled state of rollup 1 when nothing settles.
    function escapeAny() external {
        if (settlements == 0) return;
        vm.roll(block.number + EXIT_WINDOW + 1);
        bool isCovered = bridge.escrowOf(901, 0, address(0)) >= aliceHas;
        vm.prank(alice);
        try escape.exitEther(901, outcome, proof, bob) {
            require(!hasLeft && isCovered, "alice left twice, or with what is not there");
            hasLeft = true;
            paidOut[address(0)] += aliceHas;
            escapes++;
            // What was posted and not settled is void.
            (,, uint64 cursor,,) = hub.posted();
            (,, uint64 settledTo,) = hub.settled();
            require(cursor == settledTo, "a batch waits after an exit");
            postedCursor = cursor;
        } catch {
            require(hasLeft || !isCovered, "alice could not leave");
        }
        _noteCursors();
    }

    /// The operator loses of its bond, and gives again what its seat takes.
    function slashAny(uint256 amount) external {
        vm.prank(address(slasher));
        lost += registry.slash(operator, 0, amount % (2 * BOND), address(0));
        slashes++;
        uint256 bond = registry.bondOf(operator);
        require(registry.isSequencer(vm.addr(SEQUENCER_KEY)) == (bond >= 1 ether), "the seat does not know of its bond");
        if (bond >= 1 ether) return;
        registry.addBond{value: BOND}(operator);
        bonded += BOND;
    }

    /// The rollups' escrow of an asset that is native on L1, summed up.
    function escrowed(address asset) external view returns (uint256 sum) {
        for (uint32 i = 1; i <= ROLLUPS; i++) {
            sum += bridge.escrowOf(900 + i, 0, asset);
        }
    }

    function held(address asset) external view returns (uint256) {
        return asset == address(0) ? address(bridge).balance : token.balanceOf(address(bridge));
    }

    function bonds() external view returns (uint256 noted, uint256 there) {
        return (registry.bondOf(operator), address(registry).balance);
    }

    function settlementsOfHub() external view returns (uint256) {
        return hub.settlements();
    }

    function _network(uint32 number) private pure returns (uint32) {
        return 901 + number % ROLLUPS;
    }

    function _least(address asset) private view returns (uint256 least) {
        least = type(uint128).max;
        for (uint32 i = 0; i < ROLLUPS; i++) {
            uint256 escrow = bridge.escrowOf(901 + i, 0, asset);
            if (escrow < least) least = escrow;
        }
    }

    function _transfers(address asset, uint256 moved, uint8 route) private view returns (Transfer[] memory list) {
        (uint32 from, uint32 to) = (_network(route), _network(route / 3));
        uint256 amount = moved % (1 + bridge.escrowOf(from, 0, asset));
        if (from == to || amount == 0) return list;
        list = new Transfer[](1);
        list[0] = Transfer(from, to, 0, asset, amount);
    }

    function _noteCursors() private {
        (,, uint64 cursor,,) = hub.posted();
        (uint64 number,, uint64 settledTo,) = hub.settled();
        if (cursor < postedCursor || settledTo < settledCursor || number < settledNumber) wentBack++;
        (postedCursor, settledCursor, settledNumber) = (cursor, settledTo, number);
    }

    /// Siblings of a leaf up to where all others are roots of empty trees.
    function _path(uint256 index) private view returns (bytes32[] memory siblings) {
        bytes32[] memory level = leaves;
        bytes32 zero = 0;
        siblings = new bytes32[](_height());
        for (uint256 i = 0; i < siblings.length; i++) {
            siblings[i] = index ^ 1 < level.length ? level[index ^ 1] : zero;
            (level, index) = (_parents(level, zero), index >> 1);
            zero = ExitTree.node(zero, zero);
        }
    }

    function _exitRoot() private view returns (bytes32) {
        bytes32[] memory level = leaves;
        bytes32 zero = 0;
        for (uint256 i = 0; i < 32; i++) {
            level = _parents(level, zero);
            zero = ExitTree.node(zero, zero);
        }
        return level[0];
    }

    function _parents(bytes32[] memory level, bytes32 zero) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < above.length; i++) {
            above[i] = ExitTree.node(level[2 * i], 2 * i + 1 < level.length ? level[2 * i + 1] : zero);
        }
    }

    function _height() private view returns (uint256 height) {
        while (1 << height < leaves.length) height++;
    }
}

contract InvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    RealmHandler private handler;

    function setUp() public {
        handler = new RealmHandler();
        vm.deal(address(handler), 1e30);
        handler.setUp();
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = RealmHandler.bridgeEther.selector;
        selectors[1] = RealmHandler.bridgeToken.selector;
        selectors[2] = RealmHandler.message.selector;
        selectors[3] = RealmHandler.deposit.selector;
        selectors[4] = RealmHandler.force.selector;
        selectors[5] = RealmHandler.postAny.selector;
        selectors[6] = RealmHandler.settleAny.selector;
        selectors[7] = RealmHandler.claimAny.selector;
        selectors[8] = RealmHandler.escapeAny.selector;
        selectors[9] = RealmHandler.slashAny.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// I1: the bridge holds what the rollups have in escrow, which is what came in less what went out; nothing is claimed
    /// twice, no cursor goes back, and the registry holds what its bonds say. In one, so that one campaign checks all of it.
    ///
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_realm() public view {
        address[2] memory assets = [address(0), address(handler.token())];
        for (uint256 i = 0; i < 2; i++) {
            uint256 held = handler.held(assets[i]);
            require(held == handler.escrowed(assets[i]), "escrow is not what the bridge holds");
            require(held + handler.paidOut(assets[i]) == handler.paidIn(assets[i]), "value came or went");
        }
        require(handler.wentBack() == 0, "a cursor went back");
        require(handler.settlementsOfHub() == handler.settlements(), "a settlement is not counted");
        (uint256 noted, uint256 there) = handler.bonds();
        require(noted == there && noted + handler.lost() == handler.bonded(), "a bond came or went");
    }

    /// What the random runs do does happen: the same calls, one after the other.
    function test_theHandlerSettlesClaimsLeavesAndSlashes() public {
        for (uint32 i = 0; i < 12; i++) {
            handler.bridgeEther(i, 1 ether);
            handler.bridgeToken(i, 1 ether);
            handler.postAny(i);
            handler.settleAny(0.01 ether, i % 2 == 0, 0.1 ether, uint8(3 + i), 0.5 ether);
            handler.claimAny(i, uint8(i));
            handler.claimAny(i, uint8(i));
            if (i % 4 == 3) handler.escapeAny();
            handler.slashAny(3 ether);
            invariant_realm();
        }
        require(handler.settlements() == 12 && handler.claims() == 12 && handler.refusedAgain() == 12);
        require(handler.escapes() == 3 && handler.slashes() == 12 && handler.transfers() == 8);
    }
}
