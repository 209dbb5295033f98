// viem, ethers and cast deploy, send, read and wait for receipts on every rollup, as they come from npm.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { test } from "node:test";
import { promisify } from "node:util";
import { ContractFactory, JsonRpcProvider, Wallet, parseEther as parseEthers } from "ethers";
import { bytesToHex, concat, getContractAddress, parseEther } from "viem";
import { accounts, chains } from "../lib/chain.mjs";
import { CLIENTS } from "../lib/clients.mjs";
import { CREATE2_DEPLOYER, MULTICALL3, Multicall3, PERMIT2, WETH9 } from "../lib/code.mjs";
import { CHAIN_IDS, devnet, until } from "../lib/devnet.mjs";

const CAST = createRequire(import.meta.url).resolve("@foundry-rs/cast-linux-amd64/bin/cast");
const [viemUser, ethersUser, castUser, logUser] = accounts;
const chain = chains(await devnet());

for (const id of CHAIN_IDS) {
  const { client, url } = chain[id];

  test(`viem deploys, sends, reads and waits on ${id}`, async () => {
    const wallet = chain[id].wallet(viemUser);
    assert.equal(await wallet.getChainId(), id);
    const creation = await client.waitForTransactionReceipt({ hash: await wallet.deployContract(WETH9) });
    assert.equal(creation.status, "success");
    const weth = { address: creation.contractAddress, abi: WETH9.abi };
    const { request } = await client.simulateContract({
      ...weth,
      account: viemUser,
      functionName: "deposit",
      value: parseEther("2"),
    });
    const receipt = await client.waitForTransactionReceipt({ hash: await wallet.writeContract(request) });
    assert.equal(receipt.status, "success");
    const held = await client.readContract({ ...weth, functionName: "balanceOf", args: [viemUser.address] });
    assert.equal(held, parseEther("2"));
    const [log] = await client.getContractEvents({ ...weth, eventName: "Deposit", fromBlock: "earliest" });
    assert.deepEqual(log.args, { dst: viemUser.address, wad: parseEther("2") });

    const hash = await wallet.sendTransaction({ to: ethersUser.address, value: 1n });
    const transfer = await client.waitForTransactionReceipt({ hash, confirmations: 1 });
    assert.equal(transfer.gasUsed, 21_000n);
    assert.equal((await client.getTransaction({ hash })).value, 1n);
  });

  test(`viem sends every type of transaction on ${id}`, async () => {
    const wallet = chain[id].wallet(viemUser);
    const to = castUser.address;
    const accessList = [{ address: to, storageKeys: [`0x${"00".repeat(32)}`] }];
    // A delegate that takes calls without data.
    const { contractAddress } = await chain[id].done(wallet.deployContract(WETH9));
    const drafts = [
      () => ({ type: "legacy", to }),
      () => ({ type: "eip2930", to, accessList }),
      () => ({ type: "eip1559", to }),
      async () => {
        const authorization = await wallet.signAuthorization({ contractAddress, executor: "self" });
        return { type: "eip7702", to: viemUser.address, authorizationList: [authorization] };
      },
    ];
    for (const make of drafts) {
      const draft = await make();
      const receipt = await client.waitForTransactionReceipt({ hash: await wallet.sendTransaction(draft) });
      assert.deepEqual([receipt.status, receipt.type], ["success", draft.type]);
    }
    const code = await client.getCode({ address: viemUser.address });
    assert.equal(code, `0xef0100${contractAddress.slice(2)}`);
  });

  test(`ethers deploys, sends, reads and waits on ${id}`, async (t) => {
    // ethers remembers answers for 250 ms, longer than a slot.
    const provider = new JsonRpcProvider(url, undefined, { pollingInterval: 25, cacheTimeout: -1 });
    t.after(() => provider.destroy());
    assert.equal((await provider.getNetwork()).chainId, BigInt(id));
    const wallet = new Wallet(bytesToHex(ethersUser.getHdKey().privateKey), provider);
    assert.equal(wallet.address, ethersUser.address);
    const weth = await new ContractFactory(WETH9.abi, WETH9.bytecode, wallet).deploy();
    await weth.waitForDeployment();
    const deposit = await (await weth.deposit({ value: parseEthers("3") })).wait();
    assert.equal(deposit.status, 1);
    assert.equal(await weth.balanceOf(wallet.address), parseEthers("3"));
    const [event] = await weth.queryFilter("Deposit");
    assert.deepEqual([...event.args], [wallet.address, parseEthers("3")]);
    await assert.rejects(weth.withdraw.staticCall(parseEthers("4")), { code: "CALL_EXCEPTION" });
    const transfer = await (await wallet.sendTransaction({ to: castUser.address, value: 1n })).wait();
    assert.equal(transfer.gasUsed, 21_000n);
    assert.equal((await provider.getTransaction(transfer.hash)).from, wallet.address);
    assert.ok((await provider.getFeeData()).maxFeePerGas > 0n);
  });

  test(`cast deploys, sends, reads and waits on ${id}`, async () => {
    assert.equal(await cast("chain-id"), String(id));
    const signer = ["--private-key", bytesToHex(castUser.getHdKey().privateKey), "--json"];
    const created = JSON.parse(await cast("send", ...signer, "--create", WETH9.bytecode));
    assert.equal(created.status, "0x1");
    const weth = created.contractAddress;
    const deposit = JSON.parse(await cast("send", ...signer, weth, "deposit()", "--value", "5ether"));
    assert.equal(deposit.status, "0x1");
    const held = await cast("call", weth, "balanceOf(address)(uint256)", castUser.address);
    assert.equal(held.split(" ")[0], String(parseEther("5")));
    assert.match(await cast("receipt", deposit.transactionHash, "status"), /^(true|1)/);
    assert.equal(await cast("balance", weth), String(parseEther("5")));
    assert.equal(JSON.parse(await cast("block", "latest", "--json")).number, deposit.blockNumber);

    async function cast(command, ...options) {
      const { stdout } = await promisify(execFile)(CAST, [command, "--rpc-url", url, ...options]);
      return stdout.trim();
    }
  });

  for (const name of Object.keys(CLIENTS)) {
    test(`${name} finds logs of ${id}, and many calls are one`, async (t) => {
      const tool = CLIENTS[name](chain[id], t);
      const weth = await tool.deploy(logUser, WETH9);
      for (const value of [1n, 2n]) await tool.write(logUser, weth, WETH9, "deposit", [], { value });
      // The receipt of a send may come before the block is closed.
      const deposits = await until("logs", async () => {
        const found = await tool.history(weth, WETH9, "Deposit");
        return found.length >= 2 ? found : null;
      });
      assert.deepEqual(deposits.map((args) => [...args]), [[logUser.address, 1n], [logUser.address, 2n]]);
      const answers = await tool.multicall([
        { address: MULTICALL3, contract: Multicall3, name: "getChainId" },
        { address: MULTICALL3, contract: Multicall3, name: "getEthBalance", args: [accounts[9].address] },
        { address: weth, contract: WETH9, name: "transfer", args: [accounts[9].address, 1n] },
        { address: weth, contract: WETH9, name: "balanceOf", args: [logUser.address] },
      ]);
      assert.deepEqual(answers, [BigInt(id), parseEther("10000"), undefined, 3n]);
    });
  }

  test(`the usual contracts are at their usual addresses on ${id}`, async () => {
    for (const address of [MULTICALL3, PERMIT2, CREATE2_DEPLOYER]) assert.ok(await client.getCode({ address }));
    const salt = `0x${"11".repeat(32)}`;
    const data = concat([salt, WETH9.bytecode]);
    const hash = await chain[id].wallet(viemUser).sendTransaction({ to: CREATE2_DEPLOYER, data });
    await chain[id].done(hash);
    const created = getContractAddress({ opcode: "CREATE2", from: CREATE2_DEPLOYER, salt, bytecode: WETH9.bytecode });
    assert.ok(await client.getCode({ address: created }));
  });
}
