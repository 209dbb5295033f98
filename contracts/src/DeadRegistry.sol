// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SYSTEM_SENDER} from "./interfaces/Addresses.sol";
import {IDeadRegistry} from "./interfaces/IDeadRegistry.sol";

/// @title Store of dead transactions and bundles (P4)
contract DeadRegistry is IDeadRegistry {
    /// @inheritdoc IDeadRegistry
    mapping(bytes32 hash => bool) public isDead;

    /// @inheritdoc IDeadRegistry
    /// @dev The caller bounds the number of hashes by the block's gas.
    function record(bytes32[] calldata hashes) external {
        if (msg.sender != SYSTEM_SENDER) revert OnlySystem(msg.sender);
        for (uint256 i = 0; i < hashes.length; i++) {
            isDead[hashes[i]] = true;
            emit Died(hashes[i]);
        }
    }
}
