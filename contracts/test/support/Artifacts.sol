// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// Contracts as `artifacts/` holds them. A test that says `new Hub` makes the compiler build the hub once more into that very test;
/// this one runs, and measures, the bytes that are deployed.
library Artifacts {
    function creationCode(string memory name) internal view returns (bytes memory) {
        return vm.getCode(_path(name));
    }

    function runtimeCode(string memory name) internal view returns (bytes memory) {
        return vm.getDeployedCode(_path(name));
    }

    function create(string memory name) internal returns (address payable) {
        return create(name, "", 0);
    }

    function create(string memory name, bytes memory arguments) internal returns (address payable) {
        return create(name, arguments, 0);
    }

    /// Reverts as the constructor does.
    function create(string memory name, bytes memory arguments, uint256 value)
        internal
        returns (address payable created)
    {
        bytes memory code = bytes.concat(creationCode(name), arguments);
        assembly ("memory-safe") {
            created := create(value, add(code, 32), mload(code))
            if iszero(created) {
                returndatacopy(mload(64), 0, returndatasize())
                revert(mload(64), returndatasize())
            }
        }
    }

    function _path(string memory name) private pure returns (string memory) {
        return string.concat("artifacts/", name, ".json");
    }
}
