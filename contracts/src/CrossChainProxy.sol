// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MANAGER} from "./interfaces/Addresses.sol";

/// @title Stands on this network for one address of another network (P20)
/// @notice Has no storage, no immutables and no constructor arguments: all proxies have the same code, and the manager
/// knows whom each stands for.
contract CrossChainProxy {
    /// @dev A call without data that brings at most the stipend of `transfer` is kept here; the executor moves the
    /// ether home when the frame returns. Everything else goes to the manager as (caller, data) with all gas and value.
    fallback() external payable {
        assembly {
            if iszero(calldatasize()) {
                if lt(gas(), 2301) { stop() }
            }
            // IManager.callOut selector (4) | caller (20) | data
            mstore(0, or(shl(224, 0x05fcb52f), shl(64, caller())))
            calldatacopy(24, 0, calldatasize())
            let ok := call(gas(), MANAGER, callvalue(), 0, add(24, calldatasize()), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if ok { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }
}
