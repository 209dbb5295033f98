// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BRIDGE, SYSTEM_SENDER} from "../src/interfaces/Addresses.sol";
import {IBridge} from "../src/interfaces/IBridge.sol";
import {FEE_VAULT, IFeeVault} from "../src/interfaces/IFeeVault.sol";
import {IWrappedToken} from "../src/interfaces/IWrappedToken.sol";
import {TestToken} from "../src/test/TestToken.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {newToken} from "./support/Tokens.sol";
import {vm} from "./support/Vm.sol";

/// Payers and producers of blocks that do anything, and what each of them should have. No call of a handler reverts
/// (`fail-on-revert`): what must succeed is called, and what must be refused is tried and its refusal checked.
contract VaultHandler is Fixture {
    IFeeVault private constant vault = IFeeVault(FEE_VAULT);
    uint256 public constant PEOPLE = 3;

    mapping(uint256 who => uint256) public deposited;
    mapping(uint256 who => uint256) public leaving;
    mapping(uint256 who => uint256) public leavesAt;
    mapping(uint256 who => uint256) public earned;
    mapping(uint256 who => uint256) public paid;
    uint256 public charges;
    uint256 public refusals;

    function setUp() public override {
        super.setUp();
        vm.etch(FEE_VAULT, Artifacts.runtimeCode("FeeVault"));
        vm.deal(address(this), 1e30);
    }

    function person(uint256 who) public pure returns (address) {
        return address(uint160(0x9e0 + who % PEOPLE));
    }

    function deposit(uint256 who, uint64 amount) external {
        who %= PEOPLE;
        vault.deposit{value: amount}(person(who));
        deposited[who] += amount;
    }

    function beginWithdrawal(uint256 who, uint64 amount) external {
        who %= PEOPLE;
        vm.prank(person(who));
        try vault.beginWithdrawal(amount) {
            require(amount <= deposited[who], "more leaves than there is");
            deposited[who] -= amount;
            leaving[who] += amount;
            leavesAt[who] = block.timestamp + 1 days;
        } catch {
            require(amount > deposited[who], "what is there could not leave");
            refusals++;
        }
    }

    function withdraw(uint256 who, uint32 later) external {
        who %= PEOPLE;
        vm.warp(block.timestamp + later % 2 days);
        vm.prank(person(who));
        try vault.withdraw(person(who)) {
            require(block.timestamp >= leavesAt[who], "ether left too early");
            paid[who] += leaving[who];
            leaving[who] = 0;
        } catch {
            require(block.timestamp < leavesAt[who], "what had left was not paid");
            refusals++;
        }
    }

    function charge(uint256 first, uint64 amount, uint256 second, uint64 another, uint256 producer) external {
        (first, second, producer) = (first % PEOPLE, second % PEOPLE, producer % PEOPLE);
        (address[] memory payers, uint256[] memory amounts) = (new address[](2), new uint256[](2));
        (payers[0], amounts[0]) = (person(first), amount);
        (payers[1], amounts[1]) = (person(second), another);
        vm.coinbase(person(producer));
        vm.prank(SYSTEM_SENDER);
        vault.charge(payers, amounts);
        earned[producer] += _take(first, amount) + _take(second, another);
        charges++;
    }

    function collect(uint256 who) external {
        who %= PEOPLE;
        vault.collect(person(who));
        paid[who] += earned[who];
        earned[who] = 0;
    }

    function _take(uint256 who, uint256 amount) private returns (uint256) {
        uint256 stays = amount < deposited[who] ? amount : deposited[who];
        uint256 leaves = amount - stays < leaving[who] ? amount - stays : leaving[who];
        deposited[who] -= stays;
        leaving[who] -= leaves;
        return stays + leaves;
    }
}

/// A token that is native on A, bridged between A, B, C and L1 in all directions, ether that L1 sends and the bridge holds.
contract BridgeHandler is Fixture {
    struct Held {
        address from;
        address to;
        uint256 value;
        bool isReleased;
    }

    IBridge private constant bridge = IBridge(BRIDGE);

    TestToken public token;
    IWrappedToken public wrapped;
    /// What of the token is on L1, native or wrapped.
    uint256 public onL1;
    uint256 public exits;
    uint256 public moves;
    uint256 public retries;
    uint256 public refusedAgain;
    /// What the bridge holds of deliveries.
    uint256 public heldValue;

    Held[] private deliveries;

    function setUp() public override {
        super.setUp();
        answer(0, ECHO);
        token = newToken("Native", "NAT", 8);
        wrapped = IWrappedToken(bridge.wrappedTokenAddress(uint32(A), address(token)));
        token.mint(address(this), 1e30);
        token.approve(BRIDGE, type(uint256).max);
        // The wrapped form is there before anybody asks how much of it there is.
        bridge.bridgeToken(B, address(token), address(this), 1);
    }

    /// From A, where it is locked.
    function leave(uint8 to, uint128 amount) external {
        _send(A, to, address(token), amount % 1e24);
    }

    /// From B or C, where it is burned.
    function goOn(bool fromC, uint8 to, uint128 amount) external {
        _send(fromC ? C : B, to, address(wrapped), amount % (1 + wrapped.balanceOf(address(this))));
    }

    /// L1's bridge says that some came back.
    function comeBack(uint8 to, uint128 amount) external {
        amount = uint128(amount % (1 + onL1));
        enter([A, B, C][to % 3]);
        address peer = proxyOf(BRIDGE, 0);
        vm.prank(peer);
        bridge.receiveToken(uint32(A), address(token), amount, address(this), "Native", "NAT", 8);
        onL1 -= amount;
        enter(A);
    }

    /// Tokens that left by a state proof are burned as far as they are there; L1 paid all of them from what is on L1's side.
    function burn(uint128 amount) external {
        amount = uint128(amount % (1 + wrapped.balanceOf(address(this))));
        enter(B);
        address peer = proxyOf(BRIDGE, 0);
        vm.prank(peer);
        bridge.exited(address(this), uint32(A), address(token), amount);
        onL1 += amount;
        enter(A);
    }

    function etherToL1(uint64 amount) external {
        if (amount == 0) return;
        vm.deal(address(this), amount);
        bridge.bridgeEther{value: amount}(0, bob);
        exits++;
    }

    function hold(uint64 amount, bool isRefused) external {
        // The manager takes no ether.
        address to = isRefused ? address(manager) : bob;
        address sender = proxyOf(alice, 0);
        vm.deal(sender, amount);
        vm.prank(sender);
        bridge.hold{value: amount}(to, "data");
        deliveries.push(Held(alice, to, amount, false));
        heldValue += amount;
    }

    function retry(uint256 number) external {
        if (deliveries.length == 0) return;
        number %= deliveries.length;
        Held storage delivery = deliveries[number];
        uint256 before = bridge.depositCount();
        try bridge.retry(number, delivery.from, delivery.to, delivery.value, "data") {
            require(!delivery.isReleased, "a delivery was paid twice");
            delivery.isReleased = true;
            heldValue -= delivery.value;
            exits += bridge.depositCount() - before;
            retries++;
        } catch {
            require(delivery.isReleased, "what is held was not paid");
            refusedAgain++;
        }
    }

    function _send(uint64 from, uint8 to, address what, uint256 amount) private {
        uint64 destination = [0, A, B, C][to % 4];
        if (destination == from || (destination == 0 && amount == 0)) return;
        enter(from);
        bridge.bridgeToken(destination, what, address(this), amount);
        if (destination == 0) (onL1, exits) = (onL1 + amount, exits + 1);
        moves++;
        enter(A);
    }
}

contract ConservationTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    VaultHandler private vault;
    BridgeHandler private bridge;

    function setUp() public {
        vault = new VaultHandler();
        vault.setUp();
        bridge = new BridgeHandler();
        bridge.setUp();
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory vaults = new bytes4[](5);
        vaults[0] = VaultHandler.deposit.selector;
        vaults[1] = VaultHandler.beginWithdrawal.selector;
        vaults[2] = VaultHandler.withdraw.selector;
        vaults[3] = VaultHandler.charge.selector;
        vaults[4] = VaultHandler.collect.selector;
        bytes4[] memory bridges = new bytes4[](7);
        bridges[0] = BridgeHandler.leave.selector;
        bridges[1] = BridgeHandler.goOn.selector;
        bridges[2] = BridgeHandler.comeBack.selector;
        bridges[3] = BridgeHandler.burn.selector;
        bridges[4] = BridgeHandler.etherToL1.selector;
        bridges[5] = BridgeHandler.hold.selector;
        bridges[6] = BridgeHandler.retry.selector;
        targets = new FuzzSelector[](2);
        targets[0] = FuzzSelector(address(vault), vaults);
        targets[1] = FuzzSelector(address(bridge), bridges);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](2);
        (targets[0], targets[1]) = (address(vault), address(bridge));
    }

    /// The vault holds what its accounts say, and each says what its owner put in, took out, paid and earned (P13). The bridge
    /// holds the native token that is elsewhere, unit for unit, the ether of deliveries that are held, and its tree every exit
    /// (P24). In one, so that one campaign checks all of it.
    ///
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_nothingComesOrGoes() public view {
        _checkVault();
        _checkBridge();
    }

    /// What the random runs do does happen: the same calls, one after the other.
    function test_theHandlersDoWhatTheySay() public {
        for (uint8 i = 0; i < 12; i++) {
            vault.deposit(i, 10);
            vault.beginWithdrawal(i, i % 2 == 0 ? 4 : 400);
            vault.charge(i, 3, i + 1, 20, 0);
            vault.withdraw(i, i % 2 == 0 ? 1 days : 0);
            vault.collect(0);
            bridge.leave(2 + i % 3, 100);
            bridge.goOn(i % 2 == 0, i, 40);
            bridge.comeBack(i, 10);
            bridge.burn(3);
            bridge.etherToL1(5);
            bridge.hold(7, i % 2 == 0);
            bridge.retry(i);
            bridge.retry(i);
            invariant_nothingComesOrGoes();
        }
        require(vault.charges() == 12 && vault.refusals() != 0 && vault.paid(0) != 0);
        require(bridge.moves() != 0 && bridge.retries() == 12 && bridge.refusedAgain() == 12);
        require(bridge.exits() > 18 && bridge.onL1() != 0);
    }

    function _checkVault() private view {
        uint256 sum = 0;
        for (uint256 who = 0; who < vault.PEOPLE(); who++) {
            address person = vault.person(who);
            (uint256 leaving,) = IFeeVault(FEE_VAULT).leavingOf(person);
            uint256 deposited = IFeeVault(FEE_VAULT).depositOf(person);
            uint256 earned = IFeeVault(FEE_VAULT).earned(person);
            require(deposited == vault.deposited(who) && leaving == vault.leaving(who), "an account changed by itself");
            require(earned == vault.earned(who) && person.balance == vault.paid(who), "pay is not what was earned");
            sum += deposited + leaving + earned;
        }
        require(FEE_VAULT.balance == sum, "the vault holds something else than its accounts say");
    }

    function _checkBridge() private view {
        uint256 elsewhere = bridge.wrapped().totalSupply() + bridge.onL1();
        require(bridge.token().balanceOf(BRIDGE) == elsewhere, "what is locked is not what is elsewhere");
        uint256 owned = bridge.wrapped().balanceOf(address(bridge));
        require(owned == bridge.wrapped().totalSupply(), "a wrapped token is nobody's");
        require(BRIDGE.balance == bridge.heldValue(), "the bridge holds something else than deliveries");
        require(IBridge(BRIDGE).depositCount() == bridge.exits(), "an exit is not in the tree, or none is");
    }
}
