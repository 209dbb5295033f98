// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Token that behaves as it is told, for tests
contract OddToken {
    /// @notice It does not move anything.
    error Stubborn();

    /// @notice 0 like others, 1 takes one percent, 2 reverts, 3 moves nothing and answers false, 4 answers nothing.
    uint8 public mode;

    mapping(address account => uint256) public balanceOf;

    function setMode(uint8 mode_) external {
        mode = mode_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        if (mode == 2) revert Stubborn();
        if (mode != 3) {
            balanceOf[from] -= amount;
            balanceOf[to] += mode == 1 ? amount - amount / 100 : amount;
        }
        if (mode == 4) return;
        bool answer = mode != 3;
        assembly ("memory-safe") {
            mstore(0, answer)
            return(0, 32)
        }
    }
}
