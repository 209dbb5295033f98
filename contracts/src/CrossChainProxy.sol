// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RESERVED} from "./interfaces/Addresses.sol";

/// @title Stands on this network for one address of another network (P20)
/// @notice Has no storage, no immutables and no constructor arguments: all proxies have the same code, and the
/// executor reads from the manager's registry whom each stands for (P21).
contract CrossChainProxy {
    /// @dev A call without data that brings at most the stipend of `transfer` is kept here; the executor moves the
    /// ether home when the frame returns. Everything else goes to the reserved address with all gas and value, and its
    /// answer is the callee's, or an error of `IManager`.
    fallback() external payable {
        assembly {
            if lt(gas(), 2301) {
                if iszero(calldatasize()) { stop() }
            }
            // kind 2 (1) | caller (20) | data, from byte 11 on
            mstore(0, or(shl(160, 2), caller()))
            calldatacopy(32, 0, calldatasize())
            let ok := call(gas(), RESERVED, callvalue(), 11, add(21, calldatasize()), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if ok { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }
}
