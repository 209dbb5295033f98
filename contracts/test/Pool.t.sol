// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Pool} from "../src/demo/Pool.sol";
import {TestToken} from "../src/test/TestToken.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {newToken} from "./support/Tokens.sol";
import {vm} from "./support/Vm.sol";

contract PoolTest is Fixture {
    TestToken private weth;
    TestToken private usdc;
    Pool private pool;

    function setUp() public override {
        super.setUp();
        weth = newToken("Wrapped Ether", "WETH", 18);
        usdc = newToken("Test USDC", "TUSDC", 6);
        pool = Pool(Artifacts.create("Pool", abi.encode(address(weth), address(usdc))));
        weth.mint(address(this), 2_000e18);
        usdc.mint(address(this), 6_000_000e6);
        weth.approve(address(pool), type(uint256).max);
        usdc.approve(address(pool), type(uint256).max);
        pool.addLiquidity(1_000e18, 3_000_000e6, address(this));
    }

    function test_swap_hasTheNumberOfTheStory() public {
        assertEq(pool.swap(address(usdc), 50_000e6, 0, bob), 16.345066150794301359e18);
        assertEq(weth.balanceOf(bob), 16.345066150794301359e18);
        assertEq(pool.reserve0(), weth.balanceOf(address(pool)));
        assertEq(pool.reserve1(), 3_050_000e6);
    }

    function test_swap_slippage_reverts() public {
        uint256 out = 16.345066150794301359e18;
        vm.expectRevert(abi.encodeWithSelector(Pool.Slippage.selector, out, out + 1));
        pool.swap(address(usdc), 50_000e6, out + 1, bob);
    }

    function test_swap_unknownToken_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Pool.UnknownToken.selector, bob));
        pool.swap(bob, 1, 0, bob);
    }

    function testFuzz_swap_neverShrinksTheProduct(uint256 amount, bool forward) public {
        amount = amount % 1_000e6 + 1;
        uint256 product = pool.reserve0() * pool.reserve1();
        pool.swap(address(forward ? weth : usdc), amount, 0, bob);
        assertTrue(pool.reserve0() * pool.reserve1() >= product);
        assertEq(pool.reserve0(), weth.balanceOf(address(pool)));
        assertEq(pool.reserve1(), usdc.balanceOf(address(pool)));
    }

    function test_liquidity_inAndOut() public {
        uint256 shares = pool.addLiquidity(100e18, 300_000e6, bob);
        assertEq(pool.sharesOf(bob), shares);
        vm.prank(bob);
        pool.removeLiquidity(shares, bob);
        assertEq(pool.totalShares(), pool.sharesOf(address(this)));
        assertTrue(weth.balanceOf(bob) <= 100e18 && weth.balanceOf(bob) > 99.999e18);
        assertTrue(usdc.balanceOf(bob) <= 300_000e6 && usdc.balanceOf(bob) > 299_999e6);
    }

    function test_addLiquidity_nothing_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Pool.NoLiquidity.selector));
        pool.addLiquidity(0, 1, bob);
    }
}
