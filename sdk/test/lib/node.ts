// A `weft dev` for one test file, started as the acceptance stories start theirs.
import { readFileSync } from "node:fs";
import { type Abi, type Address, type Hex, encodeDeployData } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { type Realm, bundle, realm } from "@weft/sdk";

const ROOT = new URL("../../../../", import.meta.url);
const MNEMONIC = "test test test test test test test test test test test junk";

export const [A, B, C, NOWHERE] = [901, 902, 903, 999];

/** Development accounts; `poor` has nothing. */
export const [owner, user, friend, poor] = [0, 1, 2, 77].map((addressIndex) =>
  mnemonicToAccount(MNEMONIC, { addressIndex }),
) as [Account, Account, Account, Account];
type Account = ReturnType<typeof mnemonicToAccount>;

/** Starts a node; it ends with the test file. */
export async function start(...options: string[]): Promise<{ weft: Realm; urls: Record<number, string> }> {
  const { devnet } = await import(new URL("acceptance/lib/devnet.mjs", ROOT).href);
  const { urls } = await devnet(...options);
  return { weft: await realm(urls[A]), urls };
}

/** Reads a file of the repository. */
export function repositoryFile(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** Deploys a contract of the repository. */
export async function deploy(weft: Realm, chainId: number, name: string): Promise<Address> {
  const { abi, bytecode } = JSON.parse(repositoryFile(`contracts/artifacts/${name}.json`)) as { abi: Abi; bytecode: Hex };
  const sent = await bundle(weft).leg({ chainId, account: owner, data: encodeDeployData({ abi, bytecode }) }).send();
  const [receipt] = await sent.receipts();
  return receipt!.contractAddress!;
}

/** The counter of the demo contracts, as far as the tests need it. */
export const counterAbi = [
  { type: "error", name: "Refused", inputs: [{ name: "value", type: "uint256" }] },
  { type: "function", name: "increment", stateMutability: "nonpayable", inputs: [], outputs: [{ type: "uint256" }] },
  { type: "function", name: "incrementAndRevert", stateMutability: "nonpayable", inputs: [], outputs: [] },
  { type: "function", name: "incrementVia", stateMutability: "nonpayable", inputs: [{ name: "proxy", type: "address" }], outputs: [{ type: "uint256" }] },
  { type: "function", name: "get", stateMutability: "view", inputs: [], outputs: [{ type: "uint256" }] },
] as const;

/** Reads a counter on the pending state. */
export function count(weft: Realm, chainId: number, address: Address): Promise<bigint> {
  return weft.rollup(chainId).client.readContract({ address, abi: counterAbi, functionName: "get", blockTag: "pending" });
}
