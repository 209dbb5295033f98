// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DEAD_REGISTRY, SYSTEM_SENDER} from "../src/interfaces/Addresses.sol";
import {IDeadRegistry} from "../src/interfaces/IDeadRegistry.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

contract DeadRegistryTest is Fixture {
    IDeadRegistry private constant registry = IDeadRegistry(DEAD_REGISTRY);

    function test_record_marksEveryHash() public {
        bytes32[] memory hashes = new bytes32[](2);
        (hashes[0], hashes[1]) = (keccak256("first"), keccak256("second"));
        vm.expectEmit(DEAD_REGISTRY);
        emit IDeadRegistry.Died(hashes[0]);
        vm.prank(SYSTEM_SENDER);
        registry.record(hashes);
        assertTrue(registry.isDead(hashes[0]));
        assertTrue(registry.isDead(hashes[1]));
        assertTrue(!registry.isDead(keccak256("third")));
    }

    function test_record_notTheSystem_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IDeadRegistry.OnlySystem.selector, alice));
        vm.prank(alice);
        registry.record(new bytes32[](1));
    }
}
