// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CrossChainToken} from "../src/demo/CrossChainToken.sol";
import {FlashArb} from "../src/demo/FlashArb.sol";
import {FlashLender} from "../src/demo/FlashLender.sol";
import {RemoteTrader} from "../src/demo/RemoteTrader.sol";
import {IUniswapV2Router02, Venue} from "../src/demo/Venue.sol";
import {IWeth} from "../src/interfaces/IWeth.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

interface ILiquidityRouter is IUniswapV2Router02 {
    function addLiquidity(
        address tokenA,
        address tokenB,
        uint256 amountADesired,
        uint256 amountBDesired,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external returns (uint256, uint256, uint256);
}

/// The stories with WETH9 and Uniswap v2 as published on npm, creation bytecode unchanged.
contract PublishedTest is Fixture {
    struct Market {
        IWeth weth;
        CrossChainToken usdc;
        ILiquidityRouter router;
    }

    Market private a;
    Market private b;

    function setUp() public override {
        super.setUp();
        a = _market(3_000_000e6);
        b = _market(3_300_000e6);
        a.usdc.setPeer(B, address(b.usdc));
        b.usdc.setPeer(A, address(a.usdc));
    }

    /// S1.
    function test_flashLoanOverTwoRollups() public {
        FlashLender lender = FlashLender(Artifacts.create("FlashLender", abi.encode(address(a.usdc), 0)));
        a.usdc.mint(address(lender), 1_000_000e6);
        RemoteTrader trader =
            RemoteTrader(Artifacts.create("RemoteTrader", abi.encode(b.weth, b.usdc, Venue(address(b.router), true))));
        FlashArb arb = FlashArb(Artifacts.create("FlashArb", abi.encode(a.weth, a.usdc)));
        arb.setRoute(FlashArb.Route(lender, Venue(address(a.router), true), B, address(trader), false));
        assertEq(arb.run(50_000e6, 52_914.604116e6, bob), 2_914.604116e6);
        assertEq(a.usdc.balanceOf(bob), 2_914.604116e6);
        assertEq(address(a.weth).balance, 1_000e18 - 16.345066150794301359e18);
        assertEq(address(b.weth).balance, 1_000e18 + 16.345066150794301359e18);

        vm.expectRevert("UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT");
        arb.run(50_000e6, 52_914.604116e6, bob);
    }

    /// S1, the reverse direction.
    function test_flashLoanTheOtherWay_loses() public {
        FlashLender lender = FlashLender(Artifacts.create("FlashLender", abi.encode(address(a.usdc), 0)));
        a.usdc.mint(address(lender), 1_000_000e6);
        RemoteTrader trader =
            RemoteTrader(Artifacts.create("RemoteTrader", abi.encode(b.weth, b.usdc, Venue(address(b.router), true))));
        FlashArb arb = FlashArb(Artifacts.create("FlashArb", abi.encode(a.weth, a.usdc)));
        arb.setRoute(FlashArb.Route(lender, Venue(address(a.router), true), B, address(trader), true));
        vm.expectRevert(abi.encodeWithSelector(FlashArb.Unprofitable.selector, 50_000e6 - 6_140.862684e6, 50_000e6));
        arb.run(50_000e6, 0, bob);
    }

    /// The ether that WETH9 pays to a proxy moves home to the caller (P20).
    function test_remoteWithdrawal_comesHome() public {
        IWeth proxy = IWeth(proxyOf(address(b.weth), B));
        vm.deal(alice, 1 ether);
        vm.prank(alice);
        proxy.deposit{value: 1 ether}();
        assertEq(alice.balance, 0);
        assertEq(proxy.totalSupply(), 1_001 ether);
        vm.prank(alice);
        proxy.withdraw(1 ether);
        assertEq(alice.balance, 1 ether);
    }

    function test_pairCode_isTheOneTheRouterKnows() public view {
        assertEq(
            uint256(keccak256(_code("@uniswap/v2-core/build/UniswapV2Pair.json"))),
            0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f
        );
    }

    function _market(uint256 usdcReserve) private returns (Market memory market) {
        market.weth = IWeth(_create(_code("canonical-weth/build/contracts/WETH9.json")));
        bytes memory factoryCode = _code("@uniswap/v2-core/build/UniswapV2Factory.json");
        address factory = _create(bytes.concat(factoryCode, abi.encode(address(0))));
        bytes memory routerCode = _code("@uniswap/v2-periphery/build/UniswapV2Router02.json");
        market.router = ILiquidityRouter(_create(bytes.concat(routerCode, abi.encode(factory, market.weth))));
        market.usdc = CrossChainToken(Artifacts.create("CrossChainToken", abi.encode("Test USDC", "TUSDC", 6)));
        market.usdc.mint(address(this), usdcReserve);
        vm.deal(address(this), 1_000e18);
        market.weth.deposit{value: 1_000e18}();
        market.weth.approve(address(market.router), type(uint256).max);
        market.usdc.approve(address(market.router), type(uint256).max);
        market.router
            .addLiquidity(
                address(market.weth), address(market.usdc), 1_000e18, usdcReserve, 0, 0, address(this), block.timestamp
            );
    }

    function _code(string memory path) private view returns (bytes memory) {
        string memory json = vm.readFile(string.concat("node_modules/", path));
        string memory code = vm.parseJsonString(json, ".bytecode");
        return vm.parseBytes(bytes(code)[1] == "x" ? code : string.concat("0x", code));
    }

    function _create(bytes memory code) private returns (address created) {
        assembly {
            created := create(0, add(code, 32), mload(code))
        }
        assertTrue(created != address(0));
    }
}
