//! Contracts that others published: creation code as the npm packages of `acceptance/` bring it, and what is called of them.

#![allow(missing_docs, clippy::too_many_arguments, reason = "generated from Solidity")]

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::sol;
use std::path::Path;

/// Where every rollup has Permit2.
pub(crate) const PERMIT2: Address = address!("000000000022d473030f116ddee9f6b43ac78ba3");

sol! {
    interface Safe {
        event ExecutionSuccess(bytes32 indexed txHash, uint256 payment);
        function setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver);
        function getOwners() view returns (address[]);
        function nonce() view returns (uint256);
        #[derive(Debug)]
        function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) payable returns (bool);
    }

    interface SafeFactory {
        event ProxyCreation(address indexed proxy, address singleton);
        function createProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce) returns (address);
    }

    interface Weth {
        function deposit() payable;
        function approve(address guy, uint256 wad) returns (bool);
        function balanceOf(address owner) view returns (uint256);
    }

    interface Permit2 {
        struct Permitted { address token; uint256 amount; }
        struct Permit { Permitted permitted; uint256 nonce; uint256 deadline; }
        struct Details { address to; uint256 amount; }
        error InvalidNonce();
        error InvalidSigner();
        function permitTransferFrom(Permit permit, Details details, address owner, bytes signature);
    }

    interface EntryPoint {
        struct Operation { address sender; uint256 nonce; bytes initCode; bytes callData; bytes32 accountGasLimits; uint256 preVerificationGas; bytes32 gasFees; bytes paymasterAndData; bytes signature; }
        error FailedOp(uint256 opIndex, string reason);
        event UserOperationEvent(bytes32 indexed userOpHash, address indexed sender, address indexed paymaster, uint256 nonce, bool success, uint256 actualGasCost, uint256 actualGasUsed);
        function handleOps(Operation[] ops, address beneficiary);
        function getNonce(address sender, uint192 key) view returns (uint256);
    }

    contract AccountFactory {
        constructor(address entryPoint);
        function createAccount(address owner, uint256 salt) returns (address);
        function getAddress(address owner, uint256 salt) view returns (address);
    }

    interface Account {
        function execute(address dest, uint256 value, bytes func);
        function owner() view returns (address);
    }
}

/// What owners sign: names of types are part of it.
pub(crate) mod typed {
    use super::{Safe, U256};

    alloy_sol_types::sol! {
        struct SafeTx { address to; uint256 value; bytes data; uint8 operation; uint256 safeTxGas; uint256 baseGas; uint256 gasPrice; address gasToken; address refundReceiver; uint256 nonce; }
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitTransferFrom { TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; }
        struct PackedUserOperation { address sender; uint256 nonce; bytes initCode; bytes callData; bytes32 accountGasLimits; uint256 preVerificationGas; bytes32 gasFees; bytes paymasterAndData; }
    }

    impl SafeTx {
        /// Returns what stands for a call in the signatures of owners.
        pub(crate) fn of(call: &Safe::execTransactionCall, nonce: U256) -> Self {
            Self {
                to: call.to,
                value: call.value,
                data: call.data.clone(),
                operation: call.operation,
                safeTxGas: call.safeTxGas,
                baseGas: call.baseGas,
                gasPrice: call.gasPrice,
                gasToken: call.gasToken,
                refundReceiver: call.refundReceiver,
                nonce,
            }
        }
    }
}

impl Safe::execTransactionCall {
    /// Returns a call of something by a Safe, without signatures.
    pub(crate) fn to(to: Address, value: U256, data: Bytes) -> Self {
        Self {
            to,
            value,
            data,
            operation: 0,
            safeTxGas: U256::ZERO,
            baseGas: U256::ZERO,
            gasPrice: U256::ZERO,
            gasToken: Address::ZERO,
            refundReceiver: Address::ZERO,
            signatures: Bytes::new(),
        }
    }
}

/// Returns the creation code of a published artifact.
pub(crate) fn creation(path: &str) -> Bytes {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../acceptance/node_modules");
    let file = folder.join(path);
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; run npm ci in acceptance/", file.display()));
    let artifact: serde_json::Value = serde_json::from_str(&text).unwrap();
    artifact["bytecode"].as_str().unwrap().parse().unwrap()
}
