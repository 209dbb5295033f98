// Contracts of other rollups: the proxies that stand for them, and calls that do not revert (P20, P25).
import {
  type Abi,
  type Account,
  type Address,
  type Hash,
  type GetContractReturnType,
  type Hex,
  type HttpTransport,
  decodeFunctionResult,
  encodeFunctionData,
  getContract,
} from "viem";
import { MANAGER, STATUSES, type TryStatus, managerAbi, tryCallAbi } from "./abi.js";
import { type SentBundle, bundle } from "./bundle.js";
import type { Realm, RollupClient } from "./realm.js";
import type { Signer } from "./signer.js";

/** A contract and the rollup on which it is. */
export interface Remote {
  address: Address;
  chainId: number;
}

/** Returns the address that stands for `remote` on rollup `on`. */
export async function proxyAddress(realm: Realm, remote: Remote, on: number): Promise<Address> {
  const { network } = distinct(realm, remote, on);
  return realm.rollup(on).client.readContract({
    address: MANAGER,
    abi: managerAbi,
    functionName: "computeCrossChainProxyAddress",
    args: [remote.address, BigInt(network)],
  });
}

/** Deploys the proxy of `remote` on rollup `on` where it is missing; returns its address. */
export async function ensureProxy(realm: Realm, remote: Remote, on: number, account: Signer): Promise<Address> {
  const address = await proxyAddress(realm, remote, on);
  const { client } = realm.rollup(on);
  if (!(await client.getCode({ address, blockTag: "pending" }))) {
    const sent = await createProxy(realm, remote, on, account);
    await sent.wait();
  }
  return address;
}

function createProxy(realm: Realm, remote: Remote, on: number, account: Signer): Promise<SentBundle> {
  const args = [remote.address, BigInt(realm.rollup(remote.chainId).network)] as const;
  const call = { abi: managerAbi, address: MANAGER, functionName: "createCrossChainProxy" as const, args };
  return bundle(realm).call({ chainId: on, account, ...call }).send();
}

/** Returns viem's typed contract for `remote`, called through its proxy on rollup `on`; see `ensureProxy`. */
export async function remoteContract<const abi extends Abi>(
  realm: Realm,
  remote: Remote,
  on: number,
  abi: abi,
): Promise<GetContractReturnType<abi, RollupClient, Address>> {
  const address = await proxyAddress(realm, remote, on);
  return getContract<HttpTransport, Address, abi, RollupClient>({ abi, address, client: realm.rollup(on).client });
}

/** A call through the manager's `tryCall`. */
export interface TryCall {
  remote: Remote;
  /** Rollup on which the caller is. */
  on: number;
  data: Hex;
  value?: bigint;
}

/** What became of a call that does not revert. */
export interface TryResult {
  status: TryStatus;
  /** What the callee returned or reverted with. */
  data: Hex;
}

/** Returns receiver, data and value of a `tryCall`, for a leg or a transaction. */
export function tryCallData(realm: Realm, { remote, on, data, value = 0n }: TryCall) {
  const args = [BigInt(distinct(realm, remote, on).network), remote.address, data] as const;
  return { to: MANAGER, data: encodeFunctionData({ abi: tryCallAbi, args }), value };
}

/** Runs a `tryCall` on the pending state and forgets it. */
export async function simulateTryCall(
  realm: Realm,
  call: TryCall & { account: Account | Address },
): Promise<TryResult> {
  const { client } = realm.rollup(call.on);
  const answer = await client.call({ account: call.account, ...tryCallData(realm, call), blockTag: "pending" });
  return decodeTryCall(answer.data ?? "0x");
}

/** Sends a `tryCall` and waits for it: the status is that of the execution that is in the block. */
export async function tryCall(
  realm: Realm,
  { account, gas, ...call }: TryCall & { account: Signer; gas?: bigint },
): Promise<TryResult & { txHash: Hash }> {
  const sent = await bundle(realm).leg({ chainId: call.on, account, gas, ...tryCallData(realm, call) }).send();
  const { siblings } = await sent.wait();
  const { output, txHash } = siblings[0]!;
  return { ...decodeTryCall(output ?? "0x"), txHash };
}

/** Decodes what `tryCall` returned, as found in the `output` of a leg's outcome. */
export function decodeTryCall(output: Hex): TryResult {
  const [code, data] = decodeFunctionResult({ abi: tryCallAbi, data: output });
  const status = STATUSES[code];
  if (!status) throw new RangeError(`${code} is no status of tryCall`);
  return { status, data };
}

function distinct(realm: Realm, { chainId }: Remote, on: number) {
  if (chainId === on) throw new RangeError(`an address of chain ${on} has no proxy on chain ${on}`);
  return realm.rollup(chainId);
}
