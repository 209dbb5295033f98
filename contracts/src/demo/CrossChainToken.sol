// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MANAGER} from "../interfaces/Addresses.sol";
import {IManager} from "../interfaces/IManager.sol";
import {ERC20} from "../lib/ERC20.sol";
import {Owned} from "./Owned.sol";

/// @title Token that is burned on one network and minted on another in the same transaction
contract CrossChainToken is ERC20, Owned {
    /// @notice `amount` was burned for `to` on `network`.
    event Sent(uint64 indexed network, address indexed from, address indexed to, uint256 amount);

    /// @notice `amount` that `from` sent on `network` was minted here.
    event Received(uint64 indexed network, address indexed from, address indexed to, uint256 amount);

    /// @notice `token` is the token's form on `network`.
    event PeerSet(uint64 indexed network, address token);

    /// @notice The caller is not the proxy of the token's form on another network.
    error OnlyPeer(address caller);

    /// @notice The token is not on this network.
    error NoPeer(uint64 network);

    /// @notice Returns the token's form on a network; zero if there is none.
    mapping(uint64 network => address) public peers;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        name = name_;
        symbol = symbol_;
        decimals = decimals_;
    }

    /// @notice Names the token's form on `network`. Only the owner may call it.
    function setPeer(uint64 network, address token) external onlyOwner {
        peers[network] = token;
        emit PeerSet(network, token);
    }

    /// @notice Creates `amount` for `to`. Only the owner may call it.
    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }

    /// @notice Burns `amount` of the caller and mints it to `to` on `network`.
    function send(uint64 network, address to, uint256 amount) external {
        address peer = peers[network];
        if (peer == address(0)) revert NoPeer(network);
        _burn(msg.sender, amount);
        emit Sent(network, msg.sender, to, amount);
        address proxy = IManager(MANAGER).createCrossChainProxy(peer, network);
        CrossChainToken(proxy).receiveFrom(msg.sender, to, amount);
    }

    /// @notice Mints what `from` burned on another network. Only the token's form there may call it.
    function receiveFrom(address from, address to, uint256 amount) external {
        (address original, uint64 network) = IManager(MANAGER).originalOf(msg.sender);
        if (original == address(0) || original != peers[network]) revert OnlyPeer(msg.sender);
        _mint(to, amount);
        emit Received(network, from, to, amount);
    }
}
