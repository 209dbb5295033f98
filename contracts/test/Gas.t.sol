// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CrossChainToken} from "../src/demo/CrossChainToken.sol";
import {BRIDGE, RESERVED} from "../src/interfaces/Addresses.sol";
import {IBridge} from "../src/interfaces/IBridge.sol";
import {TestToken} from "../src/test/TestToken.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {newToken} from "./support/Tokens.sol";
import {vm} from "./support/Vm.sol";

/// Gas of the paths that matter, in `snapshots/`, with a stand-in for the executor that answers nothing.
contract GasTest is Fixture {
    address private constant target = address(uint160(0x7a49e7));

    function setUp() public override {
        super.setUp();
        answer(B, EMPTY);
    }

    function test_proxy() public {
        address proxy = proxyOf(target, B);
        bytes memory word = new bytes(36);
        bytes memory kilobyte = new bytes(1024);
        _call(proxy, word);
        vm.snapshotGasLastCall("proxy call, 36 bytes, cold");
        _call(proxy, word);
        vm.snapshotGasLastCall("proxy call, 36 bytes, warm");
        _call(proxy, kilobyte);
        vm.snapshotGasLastCall("proxy call, 1 KiB, warm");
        _call(RESERVED, abi.encodePacked(uint8(0), B, target, address(this), word));
        vm.snapshotGasLastCall("reserved call, 36 bytes");
    }

    function test_manager() public {
        manager.createCrossChainProxy(target, B);
        vm.snapshotGasLastCall("createCrossChainProxy, new");
        manager.createCrossChainProxy(target, B);
        vm.snapshotGasLastCall("createCrossChainProxy, existing");
        manager.tryCall(B, target, new bytes(36));
        vm.snapshotGasLastCall("tryCall, 36 bytes");
    }

    function test_tokens() public {
        CrossChainToken token =
            CrossChainToken(Artifacts.create("CrossChainToken", abi.encode("Test USDC", "TUSDC", 6)));
        token.setPeer(B, target);
        token.mint(address(this), 2);
        token.send(B, alice, 1);
        vm.snapshotGasLastCall("CrossChainToken.send, first");
        token.send(B, alice, 1);
        vm.snapshotGasLastCall("CrossChainToken.send, later");
        TestToken native = newToken("Native", "NAT", 8);
        native.mint(address(this), 1);
        native.approve(BRIDGE, 1);
        IBridge(BRIDGE).bridgeToken(B, address(native), alice, 1);
        vm.snapshotGasLastCall("bridgeToken, native");
    }

    function _call(address callee, bytes memory data) private {
        (bool ok,) = callee.call(data);
        assertTrue(ok);
    }
}
