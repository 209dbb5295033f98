// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Outcome} from "./IHub.sol";

/// @title Way out by a state proof when nothing settles any more (P46)
/// @notice Open when no settlement came for `exitWindow()` L1 blocks. What leaves is paid out of the rollup's escrow, and put
/// into the inbox so that it is burned there before anything else happens. Proofs are those of `eth_getProof`, against the
/// last settled state root. Only the account itself can leave, so an account that is a contract must exist on L1.
interface IEscape {
    /// @notice `account` left the rollup with this chain id with `amount` of a token.
    event Escaped(
        uint32 indexed network,
        address indexed account,
        uint32 originNetwork,
        address originToken,
        uint256 amount,
        address to
    );

    /// @notice The outcome is not the settled one.
    error NotSettled(uint32 network, bytes32 commitment);

    /// @notice The account left with this token already.
    error AlreadyExited(uint32 network, address account, uint32 originNetwork, address originToken);

    /// @notice The token is native on the rollup; nothing of it is escrowed here.
    error NativeToken();

    /// @notice There is nothing to take.
    error NothingToExit();

    /// @notice Takes the caller's ether out of a rollup.
    /// @param network chain id of the rollup
    /// @param outcome settled outcome of the rollup
    /// @param accountProof nodes from the state root to the caller's account
    function exitEther(uint32 network, Outcome calldata outcome, bytes[] calldata accountProof, address to)
        external
        returns (uint256 amount);

    /// @notice Takes the caller's bridged tokens out of a rollup.
    /// @param network chain id of the rollup
    /// @param originNetwork chain id of the network on which the token is native; zero for L1
    /// @param accountProof nodes from the state root to the wrapped token's account
    /// @param storageProof nodes from its storage root to the caller's balance
    function exitToken(
        uint32 network,
        Outcome calldata outcome,
        uint32 originNetwork,
        address originToken,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof,
        address to
    ) external returns (uint256 amount);
}
