// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BRIDGE, DEAD_REGISTRY, MANAGER} from "../src/interfaces/Addresses.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Fixture} from "./support/Fixture.sol";
import {vm} from "./support/Vm.sol";

/// What these tests run is what the artifacts hold.
contract ArtifactsTest is Fixture {
    function test_deployedBytecode_isThatOfTheArtifact() public {
        assertEq(MANAGER.code, _deployed("Manager"));
        assertEq(BRIDGE.code, _deployed("Bridge"));
        assertEq(DEAD_REGISTRY.code, _deployed("DeadRegistry"));
        assertEq(Artifacts.runtimeCode("FeeVault"), _deployed("FeeVault"));
        assertEq(proxyOf(alice, B).code, _deployed("CrossChainProxy"));
    }

    /// None of the predeploys has immutables.
    function test_creationCode_deploysTheDeployedBytecode() public {
        string[5] memory names = ["Manager", "Bridge", "DeadRegistry", "FeeVault", "CrossChainProxy"];
        for (uint256 i = 0; i < names.length; i++) {
            assertEq(Artifacts.create(names[i]).code, _deployed(names[i]));
        }
    }

    function _deployed(string memory name) private view returns (bytes memory) {
        string memory json = vm.readFile(string.concat("artifacts/", name, ".json"));
        return vm.parseJsonBytes(json, ".deployedBytecode");
    }
}
