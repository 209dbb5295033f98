// wagmi's hooks themselves, in a component that React renders: `useSendCalls` over several chains, and what became of it.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactElement, createElement } from "react";
import { create } from "react-test-renderer";
import { encodeFunctionData } from "viem";
import { WagmiProvider, useCapabilities, useConnect, useSendCalls, useWaitForCallsStatus } from "wagmi";
import { severalChains, weftProvider } from "@weft/sdk";
import { A, B, C, count, counterAbi, deploy, friend, start, user } from "./lib/node.js";
import { configured } from "./lib/wagmi.js";

const PATIENCE_MS = 20_000;

const { weft } = await start();
const counter = await deploy(weft, B, "Counter");
const balance = (chainId: number) => weft.rollup(chainId).client.getBalance({ address: friend.address, blockTag: "pending" });
const call = (functionName: "increment" | "incrementAndRevert") => ({
  chainId: B,
  to: counter,
  data: encodeFunctionData({ abi: counterAbi, functionName }),
});

test("useSendCalls sends calls over several chains as one bundle", async () => {
  const before = [await balance(A), await count(weft, B, counter), await balance(C)];
  const page = await rendered();
  const capabilities = await until("capabilities", () => page.shows().capabilities.data);
  assert.equal((capabilities as any)[A].atomic.status, "supported");
  const pay = (chainId: number) => ({ chainId, to: friend.address, value: 5n });
  page.shows().send.sendCalls({ forceAtomic: true, ...severalChains([pay(A), call("increment"), pay(C)]) });
  const status = await until("the status", () => page.shows().status.data);
  assert.deepEqual([status.status, status.statusCode, status.receipts?.length], ["success", 200, 3]);
  assert.equal(status.id, page.shows().send.data?.id);
  const now = [await balance(A), await count(weft, B, counter), await balance(C)];
  assert.deepEqual(now.map((one, index) => one - before[index]!), [5n, 1n, 5n]);
});

test("useSendCalls shows why nothing was done", async () => {
  const before = [await balance(A), await count(weft, B, counter)];
  const page = await rendered();
  const pay = { chainId: A, to: friend.address, value: 5n };
  page.shows().send.sendCalls({ forceAtomic: true, ...severalChains([pay, call("incrementAndRevert")]) });
  const status = await until("the status", () => page.shows().status.data);
  assert.deepEqual([status.status, status.statusCode, status.receipts], ["failure", 500, []]);
  const other = await rendered();
  other.shows().send.sendCalls({ ...severalChains([{ ...pay, value: 10n ** 30n }, call("increment")]) });
  const error = await until("the error", () => other.shows().send.error);
  assert.match(error.message, /funds/i);
  assert.deepEqual([await balance(A), await count(weft, B, counter)], before);
});

/** What a component of a dApp gets from wagmi. */
function useBundle() {
  const connect = useConnect();
  const send = useSendCalls();
  const capabilities = useCapabilities();
  const status = useWaitForCallsStatus({ id: send.data?.id, pollingInterval: 50 });
  return { connect, send, capabilities, status };
}

/** Renders a component that uses the hooks and connects it; `shows` is what they returned last. */
async function rendered() {
  let shown: ReturnType<typeof useBundle> | undefined;
  const Page = () => ((shown = useBundle()), null);
  const client = new QueryClient();
  const config = configured(weft, weftProvider(weft, { accounts: [user] }));
  const inQueries: ReactElement = createElement(QueryClientProvider, { client }, createElement(Page));
  const tree = create(createElement(WagmiProvider, { config, reconnectOnMount: false }, inQueries));
  after(() => {
    tree.unmount();
    client.clear();
  });
  const { connect } = await until("the page", () => shown);
  connect.connect({ connector: config.connectors[0]! } as never);
  await until("a connection", () => shown!.connect.data);
  return { shows: () => shown! };
}

async function until<T>(what: string, ask: () => T | null | undefined): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((wake) => setTimeout(wake, 10))) {
    const found = ask();
    if (found !== null && found !== undefined) return found;
  }
  throw new Error(`${what}: not in time`);
}
