// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TestToken} from "../../src/test/TestToken.sol";
import {Artifacts} from "./Artifacts.sol";

/// A token that anybody can mint.
function newToken(string memory name, string memory symbol, uint8 decimals) returns (TestToken) {
    return TestToken(Artifacts.create("TestToken", abi.encode(name, symbol, decimals)));
}

/// Takes one percent of every transfer, has a name of 32 bytes and no decimals; its functions return nothing.
contract FeeToken {
    bytes32 public constant name = "Fee token";
    bytes32 public constant symbol = "FEE";

    mapping(address account => uint256) public balanceOf;

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
        balanceOf[from] -= amount;
        balanceOf[to] += amount - amount / 100;
    }
}

/// Calls its hook before it moves anything, as an ERC-777 token may.
contract HookToken {
    mapping(address account => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        (bool ok, bytes memory data) = from.call(abi.encodeWithSignature("beforeTransfer()"));
        if (!ok) {
            assembly {
                revert(add(data, 32), mload(data))
            }
        }
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// A token whose owners need not approve: anybody has a permit, once.
contract PermitToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function permit(address owner, address spender, uint256 value, uint256, uint8, bytes32, bytes32) external {
        require(allowance[owner][spender] == 0, "used");
        allowance[owner][spender] = value;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// Answers every call with `false`, or with a text that is cut off.
contract LyingToken {
    bytes private result;

    constructor(bytes memory result_) {
        result = result_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return result;
    }
}
