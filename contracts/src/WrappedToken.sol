// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IWrappedToken} from "./interfaces/IWrappedToken.sol";
import {ERC20} from "./lib/ERC20.sol";

/// @title Token that the bridge mints and burns
/// @notice Has no constructor arguments, so that its address depends on its origin only and not on a name that may
/// change there.
contract WrappedToken is ERC20, IWrappedToken {
    /// @inheritdoc IWrappedToken
    address public immutable bridge = msg.sender;

    bool private initialized;

    modifier onlyBridge() {
        if (msg.sender != bridge) revert OnlyBridge(msg.sender);
        _;
    }

    /// @inheritdoc IWrappedToken
    function initialize(string calldata name_, string calldata symbol_, uint8 decimals_) external onlyBridge {
        if (initialized) revert AlreadyInitialized();
        initialized = true;
        name = name_;
        symbol = symbol_;
        decimals = decimals_;
    }

    /// @inheritdoc IWrappedToken
    function mint(address to, uint256 amount) external onlyBridge {
        _mint(to, amount);
    }

    /// @inheritdoc IWrappedToken
    function burn(address from, uint256 amount) external onlyBridge {
        _burn(from, amount);
    }
}
