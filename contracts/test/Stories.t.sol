// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CrossChainToken} from "../src/demo/CrossChainToken.sol";
import {FlashArb} from "../src/demo/FlashArb.sol";
import {FlashLender} from "../src/demo/FlashLender.sol";
import {Owned} from "../src/demo/Owned.sol";
import {Payer} from "../src/demo/Payer.sol";
import {Pool} from "../src/demo/Pool.sol";
import {RemoteTrader} from "../src/demo/RemoteTrader.sol";
import {Venue} from "../src/demo/Venue.sol";
import {Weth} from "../src/demo/Weth.sol";
import {IERC3156FlashBorrower} from "../src/interfaces/IERC3156.sol";
import {IManager, Status} from "../src/interfaces/IManager.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

/// S1: 1,000 WETH / 3,000,000 TUSDC on A, 1,000 WETH / 3,300,000 TUSDC on B, a lender with 1,000,000 TUSDC on A.
contract FlashArbTest is Fixture {
    struct Market {
        Weth weth;
        CrossChainToken usdc;
        Pool pool;
    }

    uint256 private constant LOAN = 50_000e6;
    uint256 private constant BOUGHT = 16.345066150794301359e18;
    uint256 private constant SOLD = 52_914.604116e6;

    Market private a;
    Market private b;
    FlashLender private lender;
    FlashArb private arb;
    RemoteTrader private trader;

    function setUp() public override {
        super.setUp();
        a = _market(3_000_000e6);
        b = _market(3_300_000e6);
        a.usdc.setPeer(B, address(b.usdc));
        b.usdc.setPeer(A, address(a.usdc));
        lender = FlashLender(Artifacts.create("FlashLender", abi.encode(address(a.usdc), 0)));
        a.usdc.mint(address(lender), 1_000_000e6);
        arb = FlashArb(Artifacts.create("FlashArb", abi.encode(a.weth, a.usdc)));
        trader =
            RemoteTrader(Artifacts.create("RemoteTrader", abi.encode(b.weth, b.usdc, Venue(address(b.pool), false))));
        _route(Venue(address(a.pool), false), false);
    }

    function test_run_hasTheNumbersOfTheStory() public {
        uint256 supply = a.usdc.totalSupply() + b.usdc.totalSupply();
        vm.prank(alice);
        assertEq(arb.run(LOAN, SOLD, bob), SOLD - LOAN);
        assertEq(a.usdc.balanceOf(bob), 2_914.604116e6);
        assertEq(a.usdc.balanceOf(address(lender)), 1_000_000e6);
        assertEq(a.pool.reserve0(), 1_000e18 - BOUGHT);
        assertEq(b.pool.reserve0(), 1_000e18 + BOUGHT);
        assertEq(b.pool.reserve1(), 3_300_000e6 - SOLD);
        // I1
        assertEq(a.usdc.totalSupply() + b.usdc.totalSupply(), supply);
        assertEq(address(a.weth).balance + address(b.weth).balance, 2_000e18);
        assertEq(a.usdc.balanceOf(address(arb)) + address(arb).balance + address(trader).balance, 0);
    }

    function test_run_reverse_losesAndReverts() public {
        _route(Venue(address(a.pool), false), true);
        uint256 end = LOAN - 6_140.862684e6;
        vm.expectRevert(abi.encodeWithSelector(FlashArb.Unprofitable.selector, end, LOAN));
        arb.run(LOAN, 0, bob);
        assertEq(b.pool.reserve1(), 3_300_000e6);
    }

    function test_run_reverse_winsAtOtherPrices() public {
        // After a large purchase on A ether is dear there.
        a.usdc.mint(address(this), 600_000e6);
        a.usdc.approve(address(a.pool), 600_000e6);
        a.pool.swap(address(a.usdc), 600_000e6, 0, alice);
        _route(Venue(address(a.pool), false), true);
        assertTrue(arb.run(LOAN, 0, bob) > 1_000e6);
        assertEq(address(arb).balance + address(trader).balance, 0);
    }

    function test_run_slippageThere_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Pool.Slippage.selector, SOLD, SOLD + 1));
        arb.run(LOAN, SOLD + 1, bob);
        assertEq(a.pool.reserve0(), 1_000e18);
    }

    function test_run_feeOfSixPercent_reverts() public {
        lender.setFee(600);
        vm.expectRevert(abi.encodeWithSelector(FlashArb.Unprofitable.selector, SOLD, LOAN + 3_000e6));
        arb.run(LOAN, 0, bob);
    }

    function test_run_feeOfOnePercent_isPaid() public {
        lender.setFee(100);
        assertEq(arb.run(LOAN, 0, bob), 2_914.604116e6 - 500e6);
        assertEq(a.usdc.balanceOf(address(lender)), 1_000_500e6);
    }

    function test_run_unavailable_reverts() public {
        answer(B, UNAVAILABLE);
        vm.expectRevert(abi.encodeWithSelector(IManager.Unavailable.selector, B));
        arb.run(LOAN, 0, bob);
    }

    function test_onFlashLoan_unexpected_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(FlashArb.UnexpectedLoan.selector, address(lender), alice));
        vm.prank(alice);
        lender.flashLoan(arb, address(a.usdc), 1, abi.encode(0));
        vm.expectRevert(abi.encodeWithSelector(FlashArb.UnexpectedLoan.selector, alice, address(arb)));
        vm.prank(alice);
        arb.onFlashLoan(address(arb), address(a.usdc), 1, 0, abi.encode(0));
    }

    function test_flashLender_refuses() public {
        vm.expectRevert(abi.encodeWithSelector(FlashLender.UnsupportedToken.selector, bob));
        lender.flashLoan(arb, bob, 1, "");
        vm.expectRevert(abi.encodeWithSelector(FlashLender.CallbackFailed.selector, address(this)));
        lender.flashLoan(IERC3156FlashBorrower(address(this)), address(a.usdc), 1, "");
        vm.expectRevert(abi.encodeWithSelector(Owned.OnlyOwner.selector, alice));
        vm.prank(alice);
        lender.setFee(1);
        assertEq(lender.maxFlashLoan(address(a.usdc)), 1_000_000e6);
        assertEq(lender.maxFlashLoan(bob), 0);
    }

    function test_setRoute_notTheOwner_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Owned.OnlyOwner.selector, alice));
        vm.prank(alice);
        arb.setRoute(FlashArb.Route(lender, Venue(bob, false), B, bob, false));
    }

    function test_buyEther_refused_reverts() public {
        vm.prank(address(b.pool));
        b.usdc.transfer(address(trader), 1_000e6);
        Market storage market = b;
        uint256 out = market.pool.getAmountOut(1_000e6, 3_300_000e6, 1_000e18);
        vm.expectRevert(abi.encodeWithSelector(RemoteTrader.EtherRefused.selector, address(lender), out));
        vm.prank(address(lender));
        trader.buyEther(1_000e6, 0);
    }

    /// Answers a flash loan with the wrong word.
    function onFlashLoan(address, address, uint256, uint256, bytes calldata) external pure returns (bytes32) {
        return 0;
    }

    function _market(uint256 usdcReserve) private returns (Market memory market) {
        market.weth = Weth(Artifacts.create("Weth"));
        market.usdc = CrossChainToken(Artifacts.create("CrossChainToken", abi.encode("Test USDC", "TUSDC", 6)));
        market.pool = Pool(Artifacts.create("Pool", abi.encode(address(market.weth), address(market.usdc))));
        vm.deal(address(this), 1_000e18);
        market.weth.deposit{value: 1_000e18}();
        market.usdc.mint(address(this), usdcReserve);
        market.weth.approve(address(market.pool), type(uint256).max);
        market.usdc.approve(address(market.pool), type(uint256).max);
        market.pool.addLiquidity(1_000e18, usdcReserve, address(this));
    }

    function _route(Venue memory venue, bool buyRemote) private {
        arb.setRoute(FlashArb.Route(lender, venue, B, address(trader), buyRemote));
    }
}

/// S7.
contract PayerTest is Fixture {
    Payer private payer;

    function setUp() public override {
        super.setUp();
        payer = Payer(Artifacts.create("Payer"));
        vm.deal(alice, 2 ether);
    }

    function test_pay_firstNetwork() public {
        vm.expectEmit(address(payer));
        emit Payer.Paid(C, bob, 1 ether);
        vm.prank(alice);
        assertEq(payer.pay{value: 1 ether}(C, B, bob), C);
        assertEq(bob.balance, 1 ether);
    }

    function test_pay_secondNetworkWhenTheFirstIsUnavailable() public {
        answer(C, UNAVAILABLE);
        vm.prank(alice);
        assertEq(payer.pay{value: 1 ether}(C, B, bob), B);
        assertEq(bob.balance, 1 ether);
        assertEq(address(payer).balance, 0);
    }

    function test_pay_otherFailures_revert() public {
        for (uint256 mode = 1; mode <= 7; mode++) {
            if (mode == UNAVAILABLE) continue;
            answer(C, mode);
            vm.expectRevert(abi.encodeWithSelector(Payer.PaymentFailed.selector, C, Status(mode), ""));
            vm.prank(alice);
            payer.pay{value: 1 ether}(C, B, bob);
        }
    }

    function test_pay_bothUnavailable_reverts() public {
        answer(C, UNAVAILABLE);
        answer(B, UNAVAILABLE);
        vm.expectRevert(abi.encodeWithSelector(Payer.PaymentFailed.selector, B, Status.Unavailable, ""));
        vm.prank(alice);
        payer.pay{value: 1 ether}(C, B, bob);
        assertEq(alice.balance, 2 ether);
    }
}
