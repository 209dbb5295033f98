// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IUrcSlasher} from "../../src/l1/interfaces/ISlasher.sol";

/// A mock of the Universal Registry Contract, written after the published interface of eth-fabric/urc (`src/Registry.sol` and
/// `src/ISlasher.sol` at 132bc79): registrations by root, opting in by their owner, and `slashCommitment` of who opted in, with
/// its checks in its order. Left out: BLS keys and the tree that makes the root, delegations, and all windows of time.
contract Urc {
    struct SignedCommitment {
        IUrcSlasher.Commitment commitment;
        bytes signature;
    }

    struct Operator {
        address owner;
        uint80 collateralWei;
        mapping(address slasher => OptIn) optIns;
    }

    struct OptIn {
        uint48 optedInAt;
        bool slashed;
        address committer;
    }

    uint256 private constant LEAST_COLLATERAL = 0.1 ether;

    mapping(bytes32 registrationRoot => Operator) private operators;

    error InsufficientCollateral();
    error WrongOperator();
    error NotOptedIn();
    error AlreadyOptedIn();
    error SlashingAlreadyOccurred();
    error UnauthorizedCommitment();
    error SlashAmountExceedsCollateral();

    /// The URC computes the root from BLS keys and the owner; here `keys` stands for them.
    function register(bytes32 keys, address owner) external payable returns (bytes32 root) {
        if (msg.value < LEAST_COLLATERAL) revert InsufficientCollateral();
        root = keccak256(abi.encode(keys, owner));
        (operators[root].owner, operators[root].collateralWei) = (owner, uint80(msg.value));
    }

    function optInToSlasher(bytes32 registrationRoot, address slasher, address committer) external {
        Operator storage operator = operators[registrationRoot];
        if (operator.owner != msg.sender) revert WrongOperator();
        OptIn storage optIn = operator.optIns[slasher];
        if (optIn.slashed) revert SlashingAlreadyOccurred();
        if (optIn.optedInAt != 0) revert AlreadyOptedIn();
        (optIn.optedInAt, optIn.committer) = (uint48(block.number), committer);
    }

    function slashCommitment(bytes32 registrationRoot, SignedCommitment calldata commitment, bytes calldata evidence)
        external
        returns (uint256 slashAmountWei)
    {
        Operator storage operator = operators[registrationRoot];
        OptIn storage optIn = operator.optIns[commitment.commitment.slasher];
        if (optIn.slashed) revert SlashingAlreadyOccurred();
        if (optIn.optedInAt == 0) revert NotOptedIn();
        bytes32 digest = keccak256(abi.encode(commitment.commitment));
        if (_recover(digest, commitment.signature) != optIn.committer) revert UnauthorizedCommitment();
        optIn.slashed = true;
        // Who opted in without a delegation has an empty one.
        IUrcSlasher.Delegation memory none;
        slashAmountWei = IUrcSlasher(commitment.commitment.slasher)
            .slash(none, commitment.commitment, optIn.committer, evidence, msg.sender);
        if (slashAmountWei > operator.collateralWei) revert SlashAmountExceedsCollateral();
        operator.collateralWei -= uint80(slashAmountWei);
        (bool ok,) = address(0).call{value: slashAmountWei}("");
        require(ok);
    }

    function collateralOf(bytes32 registrationRoot) external view returns (uint256) {
        return operators[registrationRoot].collateralWei;
    }

    /// An ordinary signature of 65 bytes, as OpenZeppelin's `ECDSA.recover` takes it.
    function _recover(bytes32 digest, bytes calldata signature) private pure returns (address) {
        return ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
    }
}
