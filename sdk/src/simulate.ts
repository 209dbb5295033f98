// Simulation over several rollups: a method that not every node has is asked for, not assumed.
import { type AccessList, type Address, type Hex, numberToHex } from "viem";
import type { Realm } from "./realm.js";
import { MethodMissingError, request } from "./rpc.js";

/** A call to simulate; it needs no signature. */
export interface SimulatedCall {
  chainId: number;
  from: Address;
  to?: Address;
  data?: Hex;
  value?: bigint;
  gas?: bigint;
  accessList?: AccessList;
}

/** What a call would do. */
export interface SimulatedResult {
  chainId: number;
  success: boolean;
  /** What it returned, or its revert data. */
  output: Hex;
  /** Known when the node has `weft_simulate`. */
  gasUsed?: bigint;
}

/** Results in the order of the calls. */
export interface Simulation {
  /**
   * True when each rollup's calls saw those before them and all rollups were simulated in one go; false when the node
   * lacks `weft_simulate` and every call ran alone on the pending state.
   */
  joint: boolean;
  results: SimulatedResult[];
}

/** Runs calls on several rollups and forgets them. */
export async function simulate(realm: Realm, calls: readonly SimulatedCall[]): Promise<Simulation> {
  if (calls.length === 0) throw new RangeError("nothing to simulate");
  for (const { chainId } of calls) realm.rollup(chainId);
  try {
    return { joint: true, results: await jointly(realm, calls) };
  } catch (error) {
    if (!(error instanceof MethodMissingError)) throw error;
    return { joint: false, results: await Promise.all(calls.map((call) => alone(realm, call))) };
  }
}

interface Block {
  calls: { status: Hex; returnData: Hex; gasUsed: Hex; error?: { data?: Hex } }[];
}

async function jointly(realm: Realm, calls: readonly SimulatedCall[]): Promise<SimulatedResult[]> {
  const chainIds = [...new Set(calls.map(({ chainId }) => chainId))];
  const payload = (id: number) => ({
    blockStateCalls: [{ calls: calls.filter(({ chainId }) => chainId === id).map(transaction) }],
  });
  const payloads = Object.fromEntries(chainIds.map((id) => [numberToHex(id), payload(id)]));
  const answer = await realm.request<Record<Hex, Block[]>>("weft_simulate", payloads);
  const rest = new Map(chainIds.map((id) => [id, [...(answer[numberToHex(id)]?.[0]?.calls ?? [])]]));
  return calls.map(({ chainId }) => {
    const call = rest.get(chainId)?.shift();
    if (!call) throw new TypeError(`weft_simulate left out a call on ${chainId}`);
    const success = call.status === "0x1";
    const output = success ? call.returnData : (call.error?.data ?? call.returnData);
    return { chainId, success, output, gasUsed: BigInt(call.gasUsed) };
  });
}

async function alone(realm: Realm, call: SimulatedCall): Promise<SimulatedResult> {
  const { chainId } = call;
  const { client } = realm.rollup(chainId);
  try {
    const output = await request<Hex>(client, "eth_call", [transaction(call), "pending"]);
    return { chainId, success: true, output };
  } catch (error) {
    const refused = error as { code?: number; data?: unknown };
    if (refused.code !== 3) throw error;
    return { chainId, success: false, output: typeof refused.data === "string" ? (refused.data as Hex) : "0x" };
  }
}

function transaction({ from, to, data, value, gas, accessList }: SimulatedCall) {
  return {
    from,
    ...(to ? { to } : {}),
    ...(data ? { input: data } : {}),
    ...(value === undefined ? {} : { value: numberToHex(value) }),
    ...(gas === undefined ? {} : { gas: numberToHex(gas) }),
    ...(accessList ? { accessList } : {}),
  };
}
