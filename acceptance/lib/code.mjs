// Contracts of the stories: published packages with their creation bytecode unchanged, and our own artifacts.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseAbi } from "viem";

const require = createRequire(import.meta.url);

/** keccak256 of the Pair creation code, a constant inside the published router (fixture F0). */
export const PAIR_INIT_CODE_HASH = "0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f";

export const WETH9 = published("canonical-weth/build/contracts/WETH9.json");
export const UniswapV2Factory = published("@uniswap/v2-core/build/UniswapV2Factory.json");
export const UniswapV2Pair = published("@uniswap/v2-core/build/UniswapV2Pair.json");
export const UniswapV2Router02 = published("@uniswap/v2-periphery/build/UniswapV2Router02.json");

export const EntryPoint = published("@account-abstraction/contracts/artifacts/EntryPoint.json");
export const SimpleAccount = published("@account-abstraction/contracts/artifacts/SimpleAccount.json");
export const SimpleAccountFactory = published("@account-abstraction/contracts/artifacts/SimpleAccountFactory.json");
const SAFE = "@safe-global/safe-smart-account/build/artifacts/contracts";
export const Safe = published(`${SAFE}/Safe.sol/Safe.json`);
export const SafeProxyFactory = published(`${SAFE}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json`);

export const AttestationPolicy = artifact("AttestationPolicy");
export const Bridge = artifact("Bridge");
export const Counter = artifact("Counter");
export const CrossChainToken = artifact("CrossChainToken");
export const DeadRegistry = artifact("DeadRegistry");
export const Escape = artifact("Escape");
export const FlashArb = artifact("FlashArb");
export const FlashLender = artifact("FlashLender");
export const Hub = artifact("Hub");
export const Inbox = artifact("Inbox");
export const L1Bridge = artifact("L1Bridge");
export const Manager = artifact("Manager");
export const OrderVerifier = artifact("OrderVerifier");
export const Payer = artifact("Payer");
export const RemoteTrader = artifact("RemoteTrader");
export const SequencerRegistry = artifact("SequencerRegistry");

// Every rollup has these two at their usual addresses; what is called of them.
export const Multicall3 = {
  abi: parseAbi([
    "struct Call { address target; bool allowFailure; bytes callData; }",
    "struct Result { bool success; bytes returnData; }",
    "function aggregate3(Call[] calls) payable returns (Result[] returnData)",
    "function getChainId() view returns (uint256 chainid)",
    "function getEthBalance(address addr) view returns (uint256 balance)",
  ]),
};
export const Permit2 = {
  abi: parseAbi([
    "struct TokenPermissions { address token; uint256 amount; }",
    "struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }",
    "struct SignatureTransferDetails { address to; uint256 requestedAmount; }",
    "function permitTransferFrom(PermitTransferFrom permit, SignatureTransferDetails transferDetails, address owner, bytes signature)",
    "error InvalidNonce()",
    "error InvalidSigner()",
  ]),
};

export const RESERVED = "0x5745465400000000000000000000000000000000";
export const MANAGER = "0x5745465400000000000000000000000000000001";
export const BRIDGE = "0x5745465400000000000000000000000000000002";
export const DEAD_REGISTRY = "0x5745465400000000000000000000000000000003";
export const SYSTEM_SENDER = "0x57454654000000000000000000000000000000ff";
export const COINBASE = "0x57454654000000000000000000000000000000fe";
export const HISTORY_STORAGE = "0x0000f90827f1c53a10cb7a02335b175320002935";
export const BEACON_ROOTS = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02";
export const MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11";
export const PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3";
export const CREATE2_DEPLOYER = "0x4e59b44847b379578588920ca78fbf26c0b4956c";

/** `Status` of the manager, in its order. */
export const Status = Object.fromEntries(
  ["Ok", "Reverted", "OutOfGas", "Unavailable", "NotProvisioned", "FeeTooLow", "Full", "InsufficientEscrow"].map(
    (name, index) => [name, index],
  ),
);

function published(path) {
  const { abi, bytecode } = require(path);
  return { abi, bytecode: bytecode.startsWith("0x") ? bytecode : `0x${bytecode}` };
}

function artifact(name) {
  const { abi, bytecode } = JSON.parse(
    readFileSync(new URL(`../../contracts/artifacts/${name}.json`, import.meta.url), "utf8"),
  );
  return { abi, bytecode };
}
