// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MANAGER} from "../interfaces/Addresses.sol";
import {IManager, Status} from "../interfaces/IManager.sol";

/// @title Pays on one network, and on a second one when the first is down
contract Payer {
    /// @notice `amount` wei reached `payee` on `network`.
    event Paid(uint64 indexed network, address indexed payee, uint256 amount);

    /// @notice The payment on `network` failed for a reason that a second network does not cure.
    error PaymentFailed(uint64 network, Status status, bytes data);

    /// @dev Accepts what the manager returns after a failed crossing.
    receive() external payable {}

    /// @notice Pays the call's value to `payee` on `first`, or on `second` if `first` is unavailable.
    function pay(uint64 first, uint64 second, address payee) external payable returns (uint64 network) {
        network = first;
        (Status status, bytes memory data) = _try(network, payee);
        if (status == Status.Unavailable) {
            network = second;
            (status, data) = _try(network, payee);
        }
        if (status != Status.Ok) revert PaymentFailed(network, status, data);
        emit Paid(network, payee, msg.value);
    }

    function _try(uint64 network, address payee) private returns (Status, bytes memory) {
        return IManager(MANAGER).tryCall{value: msg.value}(network, payee, "");
    }
}
