// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Calls again, once, from within what pays or asks it, and goes on whatever comes of it.
contract Reentrant {
    address private target;
    bytes private data;
    bool private isArmed;

    /// Whether the call from within went through.
    bool public hasEntered;
    bool public wasCalled;

    receive() external payable {
        _again();
    }

    /// What `HookToken` asks of who pays.
    function beforeTransfer() external {
        _again();
    }

    /// Arms the call that is made from within.
    function arm(address target_, bytes calldata data_) external {
        (target, data, isArmed) = (target_, data_, true);
    }

    /// Makes a call of its own.
    function run(address to, bytes calldata call) external payable {
        (bool ok, bytes memory answer) = to.call{value: msg.value}(call);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    function _again() private {
        if (!isArmed) return;
        (isArmed, wasCalled) = (false, true);
        (hasEntered,) = target.call(data);
    }
}
