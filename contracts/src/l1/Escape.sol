// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {WrappedToken} from "../WrappedToken.sol";
import {BRIDGE} from "../interfaces/Addresses.sol";
import {IEscape} from "./interfaces/IEscape.sol";
import {IHub, Outcome} from "./interfaces/IHub.sol";
import {IInbox} from "./interfaces/IInbox.sol";
import {IL1Bridge} from "./interfaces/IL1Bridge.sol";
import {StateProof} from "./lib/StateProof.sol";

/// @title Way out by a state proof when nothing settles any more (P46)
contract Escape is IEscape {
    /// Storage slot of `balanceOf` in `WrappedToken`.
    uint256 private constant BALANCES = 4;

    IHub private immutable hub;
    IL1Bridge private immutable bridge;
    IInbox private immutable inbox;

    /// Exits by settled outcome, account and token. Nothing settles before the account's tokens are burned, so that an
    /// outcome after this one does not hold them.
    mapping(bytes32 exit => bool) private left;

    constructor(IHub hub_, IL1Bridge bridge_, IInbox inbox_) {
        (hub, bridge, inbox) = (hub_, bridge_, inbox_);
    }

    /// @inheritdoc IEscape
    function exitEther(uint32 network, Outcome calldata outcome, bytes[] calldata accountProof, address to)
        external
        returns (uint256 amount)
    {
        _begin(network, outcome, 0, address(0));
        (amount,) = StateProof.account(outcome.stateRoot, msg.sender, accountProof);
        _leave(network, 0, address(0), amount, to);
    }

    /// @inheritdoc IEscape
    function exitToken(
        uint32 network,
        Outcome calldata outcome,
        uint32 originNetwork,
        address originToken,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof,
        address to
    ) external returns (uint256 amount) {
        if (originNetwork == network || originToken == address(0)) revert NativeToken();
        _begin(network, outcome, originNetwork, originToken);
        address token = _tokenOnRollup(originNetwork, originToken);
        (, bytes32 storageRoot) = StateProof.account(outcome.stateRoot, token, accountProof);
        amount = StateProof.slot(storageRoot, keccak256(abi.encode(msg.sender, BALANCES)), storageProof);
        _leave(network, originNetwork, originToken, amount, to);
    }

    function _begin(uint32 network, Outcome calldata outcome, uint32 originNetwork, address originToken) private {
        bytes32 commitment = hub.escape(network);
        if (keccak256(abi.encode(outcome)) != commitment) revert NotSettled(network, commitment);
        bytes32 exit = keccak256(abi.encode(network, commitment, msg.sender, originNetwork, originToken));
        if (left[exit]) revert AlreadyExited(network, msg.sender, originNetwork, originToken);
        left[exit] = true;
    }

    function _leave(uint32 network, uint32 originNetwork, address originToken, uint256 amount, address to) private {
        if (amount == 0) revert NothingToExit();
        emit Escaped(network, msg.sender, originNetwork, originToken, amount, to);
        inbox.exited(network, msg.sender, originNetwork, originToken, amount);
        bridge.payExit(network, originNetwork, originToken, to, amount);
    }

    /// Returns where the bridge predeploy puts the wrapped form of a token.
    function _tokenOnRollup(uint32 originNetwork, address originToken) private pure returns (address) {
        bytes32 codeHash = keccak256(type(WrappedToken).creationCode);
        bytes32 salt = keccak256(abi.encode(originNetwork, originToken));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", BRIDGE, salt, codeHash)))));
    }
}
