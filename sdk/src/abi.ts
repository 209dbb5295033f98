// What the predeploys of every rollup look like (P20, P21).
import { type Abi, type Address, type Hex, decodeErrorResult, parseAbi } from "viem";

/** Address of the manager on every rollup. */
export const MANAGER: Address = "0x5745465400000000000000000000000000000001";
/** Address of the bridge on every rollup. */
export const BRIDGE: Address = "0x5745465400000000000000000000000000000002";
/** The address that executors intercept; its access-list entries are markers (P18). */
export const RESERVED: Address = "0x5745465400000000000000000000000000000000";

/** Interface of the manager. */
export const managerAbi = parseAbi([
  "event CrossChainProxyCreated(address indexed proxy, address indexed original, uint64 indexed network)",
  "error SameNetwork(uint64 network)",
  "error DelegateCallToProxy(address context)",
  "error OnlyBridge(address caller)",
  "error RefundFailed(address to, uint256 amount)",
  "error Unavailable(uint64 network)",
  "error NotProvisioned(uint64 network)",
  "error FeeTooLow(uint64 network)",
  "error Full(uint64 network)",
  "error InsufficientEscrow(uint64 network)",
  "function createCrossChainProxy(address original, uint64 network) returns (address proxy)",
  "function tryCall(uint64 network, address target, bytes data) payable returns (uint8 status, bytes result)",
  "function tryCall(uint64 network, address target, uint256 gasLimit, bytes data) payable returns (uint8 status, bytes result)",
  "function tryStaticCall(uint64 network, address target, bytes data) view returns (uint8 status, bytes result)",
  "function computeCrossChainProxyAddress(address original, uint64 network) view returns (address proxy)",
  "function networkId() view returns (uint64)",
  "function originalOf(address proxy) view returns (address original, uint64 network)",
  "function isProxy(address account) view returns (bool)",
]);

/** `tryCall` alone, without gas limit: overloads need no name then. */
export const tryCallAbi = parseAbi([
  "function tryCall(uint64 network, address target, bytes data) payable returns (uint8 status, bytes result)",
]);

const bridgeErrors = parseAbi([
  "error OnlyPeerBridge(address caller)",
  "error Reentered()",
  "error EtherRefused(address to, uint256 amount)",
]);

/** Statuses of `tryCall`, in the manager's order (P25). */
export const STATUSES = [
  "Ok",
  "Reverted",
  "OutOfGas",
  "Unavailable",
  "NotProvisioned",
  "FeeTooLow",
  "Full",
  "InsufficientEscrow",
] as const;

/** What became of a call that does not revert. */
export type TryStatus = (typeof STATUSES)[number];

/** Revert data in words. */
export interface DecodedError {
  errorName: string;
  args: readonly unknown[];
}

/** Decodes revert data: Weft's errors, `Error(string)`, `Panic(uint256)` and those of `abi`; undefined for others. */
export function decodeError(data: Hex, abi: Abi = []): DecodedError | undefined {
  try {
    const errors: Abi = [...abi, ...managerAbi, ...bridgeErrors];
    const { errorName, args = [] } = decodeErrorResult({ abi: errors, data });
    return { errorName, args: args as readonly unknown[] };
  } catch {
    return undefined;
  }
}
