// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, Statement, Transfer} from "../../src/l1/interfaces/IHub.sol";
import {ExitTree} from "../../src/l1/lib/ExitTree.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {TestToken} from "../support/Tokens.sol";
import {vm} from "../support/Vm.sol";

/// Users, a sequencer and attesters that sign anything: what they do at random, and what was counted beside it.
contract RealmHandler is L1Fixture {
    using ExitTree for ExitTree.Frontier;

    struct Exit {
        address token;
        uint256 amount;
        bytes32[32] path;
    }

    uint32 private constant ROLLUPS = 3;

    TestToken public token;
    /// What was paid out, and into which the bridge took.
    mapping(address asset => uint256) public paidIn;
    mapping(address asset => uint256) public paidOut;
    uint256 public claims;
    uint256 public acceptedTwice;
    uint256 public wentBack;
    uint256 public settlements;

    /// The only exit of rollup 1 in its settled tree.
    Exit private exit;
    bool private hasExit;
    uint64 private highestCursor;
    uint64 private highestSettled;

    function setUp() public override {
        super.setUp();
        registerMany(ROLLUPS);
        paidIn[address(0)] = 30 ether;
        token = new TestToken("Native", "NAT", 8);
        token.mint(address(this), 1e30);
        token.approve(address(bridge), type(uint256).max);
        vm.deal(address(this), 1e30);
    }

    function bridgeEther(uint32 to, uint96 amount) external {
        bridge.bridgeAsset{value: amount}(900 + to % (ROLLUPS + 1), bob, amount, address(0), amount % 2 == 0, "");
        paidIn[address(0)] += amount;
    }

    function bridgeToken(uint32 to, uint96 amount) external {
        bridge.bridgeAsset(900 + to % (ROLLUPS + 1), bob, amount, address(token), amount % 2 == 0, "");
        paidIn[address(token)] += amount;
    }

    function message(uint32 to, uint96 amount) external {
        bridge.bridgeMessage{value: amount}(900 + to % (ROLLUPS + 1), bob, false, "message");
        paidIn[address(0)] += amount;
    }

    function deposit(uint32 to, uint96 amount) external {
        inbox.deposit{value: amount}(900 + to % (ROLLUPS + 1), bob, 100_000, "");
        paidIn[address(0)] += amount;
    }

    function force(uint32 to, uint8 blocks) external {
        inbox.forceTransaction(900 + to % (ROLLUPS + 1), "transaction");
        vm.roll(block.number + blocks % 4);
    }

    /// A batch with any cursor; the hub takes what it must.
    function postAny(uint64 cursor) external {
        vm.roll(block.number + 1);
        BatchHeader memory header = nextHeader(ROLLUPS);
        header.inboxCursor = cursor % (inbox.count() + 2);
        hub.postBatch(header, signed(header));
        _noteCursor();
    }

    /// A settlement that claims any exit and any transfer, which the attesters sign.
    function settleAny(uint96 amount, bool ofToken, uint96 moved, uint8 route) external {
        Exit memory next = Exit(ofToken ? address(token) : address(0), amount, _emptyPath());
        bytes32 leaf = bridge.getLeafValue(0, 0, next.token, 0, bob, amount, keccak256(""));
        Transfer[] memory transfers = new Transfer[](1);
        transfers[0] = Transfer(901 + route % 3, 901 + (route / 3) % 3, 0, next.token, moved);
        settleWith(ROLLUPS, _rootOf(leaf, next.path), transfers);
        (exit, hasExit) = (next, true);
        settlements++;
        _noteCursor();
    }

    function claimExit() external {
        require(hasExit);
        bool before = bridge.isClaimed(0, 901);
        bridge.claimCompact(new bytes32[](0), 0, 0, exit.token, bob, exit.amount, "");
        if (before) acceptedTwice++;
        paidOut[exit.token] += exit.amount;
        claims++;
    }

    function claimOfAnother(uint8 rollup) external {
        require(hasExit);
        uint256 index = uint256(rollup % ROLLUPS) << 32;
        bool before = bridge.isClaimed(0, 901 + rollup % ROLLUPS);
        bridge.claimCompact(new bytes32[](0), index, 0, exit.token, bob, exit.amount, "");
        if (before) acceptedTwice++;
        paidOut[exit.token] += exit.amount;
        claims++;
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

    function _noteCursor() private {
        (,, uint64 cursor,,) = hub.posted();
        (uint64 number,,,) = hub.settled();
        if (cursor < highestCursor || number < highestSettled) wentBack++;
        (highestCursor, highestSettled) = (cursor, number);
    }

    function _emptyPath() private pure returns (bytes32[32] memory path) {
        for (uint256 i = 1; i < 32; i++) {
            path[i] = ExitTree.node(path[i - 1], path[i - 1]);
        }
    }

    function _rootOf(bytes32 leaf, bytes32[32] memory path) private pure returns (bytes32) {
        for (uint256 i = 0; i < 32; i++) {
            leaf = ExitTree.node(leaf, path[i]);
        }
        return leaf;
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
        bytes4[] memory selectors = new bytes4[](9);
        selectors[0] = RealmHandler.bridgeEther.selector;
        selectors[1] = RealmHandler.bridgeToken.selector;
        selectors[2] = RealmHandler.message.selector;
        selectors[3] = RealmHandler.deposit.selector;
        selectors[4] = RealmHandler.force.selector;
        selectors[5] = RealmHandler.postAny.selector;
        selectors[6] = RealmHandler.settleAny.selector;
        selectors[7] = RealmHandler.claimExit.selector;
        selectors[8] = RealmHandler.claimOfAnother.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// I1: the bridge holds what the rollups have in escrow, which is what came in less what went out.
    function invariant_conservation() public view {
        address[2] memory assets = [address(0), address(handler.token())];
        for (uint256 i = 0; i < 2; i++) {
            uint256 held = handler.held(assets[i]);
            require(held == handler.escrowed(assets[i]), "escrow is not what the bridge holds");
            require(held + handler.paidOut(assets[i]) == handler.paidIn(assets[i]), "value came or went");
        }
    }

    function invariant_nothingIsClaimedTwice() public view {
        require(handler.acceptedTwice() == 0, "an exit was claimed twice");
        require(handler.claims() <= 3, "more claims than names");
    }

    function invariant_cursorsMoveForward() public view {
        require(handler.wentBack() == 0, "a cursor went back");
    }
}
