// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Runs scripts of calls, so that a test can build any call tree over several networks
/// @notice For tests only.
contract Probe {
    /// @notice How a step acts. `Try*` steps record a failure, the others pass it on.
    enum Kind {
        Call,
        TryCall,
        Static,
        TryStatic,
        TryDelegate,
        TryCallCode,
        Set,
        Fail
    }

    /// @notice One step: a call of `target`, a write of `value` to slot `target`, or a revert with `data`.
    /// @dev `gas` 0 means all.
    struct Step {
        Kind kind;
        address target;
        uint256 value;
        uint256 gas;
        bytes data;
    }

    /// @notice What a step got.
    struct Answer {
        bool ok;
        bytes data;
    }

    /// @notice What a frame sees around it.
    struct Env {
        address sender;
        uint256 value;
        address origin;
        uint256 gasPrice;
        uint256 chainId;
        address coinbase;
        uint256 number;
        uint256 timestamp;
        uint256 baseFee;
        uint256 randao;
        uint256 selfBalance;
    }

    /// @notice The probe was told something.
    event Noted(address indexed sender, uint256 value);

    receive() external payable {}

    /// @notice Runs `steps` in order and returns their answers.
    function run(Step[] calldata steps) external payable returns (Answer[] memory answers) {
        answers = new Answer[](steps.length);
        for (uint256 i = 0; i < steps.length; i++) {
            Step calldata step = steps[i];
            if (step.kind == Kind.Set) {
                _store(uint160(step.target), step.value);
                continue;
            }
            if (step.kind == Kind.Fail) _revertWith(step.data);
            answers[i] = _call(step);
        }
    }

    /// @notice Writes a slot.
    function set(uint256 slot, uint256 value) external payable {
        _store(slot, value);
    }

    /// @notice Reads a slot.
    function get(uint256 slot) public view returns (uint256 value) {
        assembly {
            value := sload(slot)
        }
    }

    /// @notice Adds one to a slot, emits and returns the new value.
    function bump(uint256 slot) external payable returns (uint256 value) {
        value = get(slot) + 1;
        _store(slot, value);
        emit Noted(msg.sender, value);
    }

    /// @notice Writes a transient slot.
    function tset(uint256 slot, uint256 value) external {
        assembly {
            tstore(slot, value)
        }
    }

    /// @notice Reads a transient slot.
    function tget(uint256 slot) external view returns (uint256 value) {
        assembly {
            value := tload(slot)
        }
    }

    /// @notice Returns what this frame sees.
    function env() external payable returns (Env memory) {
        return Env({
            sender: msg.sender,
            value: msg.value,
            origin: tx.origin,
            gasPrice: tx.gasprice,
            chainId: block.chainid,
            coinbase: block.coinbase,
            number: block.number,
            timestamp: block.timestamp,
            baseFee: block.basefee,
            randao: block.prevrandao,
            selfBalance: address(this).balance
        });
    }

    /// @notice Reads the balance of `account`; returns what that cost as well.
    function touchCost(address account) external view returns (uint256 cost, uint256 held) {
        assembly {
            let before := gas()
            held := balance(account)
            cost := sub(before, gas())
        }
    }

    /// @notice Returns the gas left at the start of the body.
    function gasHere() external payable returns (uint256) {
        return gasleft();
    }

    /// @notice Never ends.
    function burn() external payable {
        while (true) {}
    }

    /// @notice Stops at an invalid opcode.
    function invalid() external payable {
        assembly {
            invalid()
        }
    }

    /// @notice Returns `size` bytes, each the low byte of its index.
    function big(uint256 size) external pure returns (bytes memory data) {
        data = new bytes(size);
        for (uint256 i = 0; i < size; i++) {
            data[i] = bytes1(uint8(i));
        }
    }

    /// @notice Creates a contract.
    function create(bytes memory init) external payable returns (address created) {
        assembly {
            created := create(callvalue(), add(init, 32), mload(init))
        }
    }

    /// @notice Creates a contract at an address given by `salt` and `init`.
    function create2(bytes memory init, uint256 salt) external payable returns (address created) {
        assembly {
            created := create2(callvalue(), add(init, 32), mload(init), salt)
        }
    }

    /// @notice Destroys this contract in favour of `heir`.
    function destroy(address payable heir) external payable {
        selfdestruct(heir);
    }

    function _call(Step calldata step) private returns (Answer memory answer) {
        (Kind kind, address target, uint256 value) = (step.kind, step.target, step.value);
        uint256 limit = step.gas == 0 ? gasleft() : step.gas;
        bytes memory input = step.data;
        bool ok;
        if (kind == Kind.Call || kind == Kind.TryCall) {
            (ok, answer.data) = target.call{value: value, gas: limit}(input);
        } else if (kind == Kind.Static || kind == Kind.TryStatic) {
            (ok, answer.data) = target.staticcall{gas: limit}(input);
        } else if (kind == Kind.TryDelegate) {
            (ok, answer.data) = target.delegatecall{gas: limit}(input);
        } else {
            assembly {
                ok := callcode(limit, target, value, add(input, 32), mload(input), 0, 0)
            }
            answer.data = _returned();
        }
        answer.ok = ok;
        if (!ok && (kind == Kind.Call || kind == Kind.Static)) _revertWith(answer.data);
    }

    function _returned() private pure returns (bytes memory data) {
        assembly {
            data := mload(0x40)
            mstore(data, returndatasize())
            returndatacopy(add(data, 32), 0, returndatasize())
            mstore(0x40, add(add(data, 32), and(add(returndatasize(), 31), not(31))))
        }
    }

    function _store(uint256 slot, uint256 value) private {
        assembly {
            sstore(slot, value)
        }
    }

    function _revertWith(bytes memory data) private pure {
        assembly {
            revert(add(data, 32), mload(data))
        }
    }
}
