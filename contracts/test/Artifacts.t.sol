// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bridge} from "../src/Bridge.sol";
import {CrossChainProxy} from "../src/CrossChainProxy.sol";
import {DeadRegistry} from "../src/DeadRegistry.sol";
import {FeeVault} from "../src/FeeVault.sol";
import {Manager} from "../src/Manager.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

/// What these tests run is what the artifacts hold.
contract ArtifactsTest is Fixture {
    function test_deployedBytecode_isThatOfTheArtifact() public view {
        assertEq(type(Manager).runtimeCode, _deployed("Manager"));
        assertEq(type(Bridge).runtimeCode, _deployed("Bridge"));
        assertEq(type(DeadRegistry).runtimeCode, _deployed("DeadRegistry"));
        assertEq(type(FeeVault).runtimeCode, _deployed("FeeVault"));
        assertEq(type(CrossChainProxy).runtimeCode, _deployed("CrossChainProxy"));
    }

    function _deployed(string memory name) private view returns (bytes memory) {
        string memory json = vm.readFile(string.concat("artifacts/", name, ".json"));
        return vm.parseJsonBytes(json, ".deployedBytecode");
    }
}
