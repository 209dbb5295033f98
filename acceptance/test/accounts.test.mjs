// Accounts that are contracts, as published: a Safe of two out of three, a permit of Permit2, a user operation of
// ERC-4337; told by viem, ethers and cast on every rollup, through proxies onto another one, and refused where a signature
// is missing or of elsewhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, getAddress, maxUint256, numberToHex, parseEther, zeroAddress } from "viem";
import { accounts, chains, encode } from "../lib/chain.mjs";
import { CLIENTS, eventsOf } from "../lib/clients.mjs";
import {
  Counter,
  EntryPoint,
  MANAGER,
  Manager,
  PERMIT2,
  Permit2,
  Safe,
  SafeProxyFactory,
  SimpleAccount,
  SimpleAccountFactory,
  WETH9,
} from "../lib/code.mjs";
import { CHAIN_IDS, devnet } from "../lib/devnet.mjs";

const ETHER = parseEther("1");
const [deployer, alice, bob, carol, dave, bundler, friend] = accounts;
const chain = chains(await devnet());
const stories = CHAIN_IDS.flatMap((id, index) =>
  Object.keys(CLIENTS).map((name) => ({ name, here: chain[id], other: CHAIN_IDS[(index + 1) % CHAIN_IDS.length] })),
);

for (const { name, here, other } of stories) {
  const { id } = here;

  test(`${name}: a Safe on ${id} acts with two of its three owners, here and on ${other}`, async (t) => {
    const client = CLIENTS[name](here, t);
    const owners = [alice, bob, carol];
    const safe = await newSafe(client, owners, 2n);
    await done(client.send(alice, { to: safe, value: 2n * ETHER }));
    assert.deepEqual(await client.read(safe, Safe, "getOwners"), owners.map(({ address }) => address));

    const before = await here.balance(friend.address);
    const payment = { to: friend.address, value: ETHER, data: "0x" };
    const receipt = await done(execute(client, safe, payment, [alice, carol]));
    assert.equal(eventsOf(Safe, receipt, "ExecutionSuccess").length, 1);
    assert.equal(await here.balance(friend.address), before + ETHER);

    const { counter, proxy } = await counterOn(other, here);
    const increment = { to: proxy, value: 0n, data: encode(Counter, "increment") };
    await done(execute(client, safe, increment, [bob, carol]));
    assert.equal(await chain[other].read(counter, Counter, "get"), 1n);
    assert.equal(await client.read(safe, Safe, "nonce"), 2n);

    // One owner is too few, a stranger is none, and a signature for another rollup is not one for this.
    for (const [signers, on] of [
      [[alice], id],
      [[alice, dave], id],
      [[alice, bob], other],
    ]) {
      const { succeeded } = await execute(client, safe, payment, signers, on);
      assert.equal(succeeded, false);
    }
    assert.equal(await here.balance(safe), ETHER);
    assert.equal(await client.read(safe, Safe, "nonce"), 2n);
  });

  test(`${name}: Permit2 on ${id} moves what was permitted, once`, async (t) => {
    const client = CLIENTS[name](here, t);
    const weth = await client.deploy(deployer, WETH9);
    await done(client.write(alice, weth, WETH9, "deposit", [], { value: ETHER }));
    await done(client.write(alice, weth, WETH9, "approve", [PERMIT2, maxUint256]));
    const held = () => client.read(weth, WETH9, "balanceOf", [dave.address]);
    const before = await held();
    const details = { to: dave.address, requestedAmount: ETHER / 4n };
    // A nonce is used once, whoever tells the story.
    const nonce = BigInt(2 * Object.keys(CLIENTS).indexOf(name));
    const args = async (chainId, nonce) => {
      const permit = { permitted: { token: weth, amount: ETHER }, nonce, deadline: maxUint256 };
      return [permit, details, alice.address, await signPermit(client, alice, permit, bob.address, chainId)];
    };
    const refusal = async (from, args) => (await client.errorOf(from, PERMIT2, Permit2, "permitTransferFrom", args)).name;

    assert.equal(await refusal(bob, await args(other, nonce)), "InvalidSigner");
    const permitted = await args(id, nonce);
    assert.equal(await refusal(carol, permitted), "InvalidSigner");
    await done(client.write(bob, PERMIT2, Permit2, "permitTransferFrom", permitted));
    assert.equal(await held(), before + ETHER / 4n);
    assert.equal(await refusal(bob, permitted), "InvalidNonce");
    await done(client.write(bob, PERMIT2, Permit2, "permitTransferFrom", await args(id, nonce + 1n)));
    assert.equal(await held(), before + ETHER / 2n);
  });

  test(`${name}: a user operation on ${id} creates its account and acts, here and on ${other}`, async (t) => {
    const client = CLIENTS[name](here, t);
    const entry = await client.deploy(deployer, EntryPoint);
    const factory = await client.deploy(deployer, SimpleAccountFactory, [entry]);
    const sender = await client.read(factory, SimpleAccountFactory, "getAddress", [alice.address, 1n]);
    assert.equal(await here.client.getCode({ address: sender }), undefined);
    await done(client.send(dave, { to: sender, value: 2n * ETHER }));

    const { counter, proxy } = await counterOn(other, here);
    const creation = concat([factory, encode(SimpleAccountFactory, "createAccount", [alice.address, 1n])]);
    const first = { sender, nonce: 0n, initCode: creation, callData: action(carol.address, ETHER, "0x") };
    const second = { sender, nonce: 1n, callData: action(proxy, 0n, encode(Counter, "increment")) };
    const before = await here.balance(carol.address);

    // Another rollup's signature is refused before anything runs.
    const foreign = await signed(client, alice, first, entry, other);
    const refusal = await client.errorOf(bundler, entry, EntryPoint, "handleOps", [[foreign], bundler.address]);
    assert.deepEqual([refusal.name, refusal.args[1]], ["FailedOp", "AA24 signature error"]);

    const paid = getAddress(`0x${"bf".repeat(19)}0${Object.keys(CLIENTS).indexOf(name)}`);
    for (const [operation, nonce] of [
      [first, 1n],
      [second, 2n],
    ]) {
      const packed = await signed(client, alice, operation, entry, id);
      const receipt = await done(client.write(bundler, entry, EntryPoint, "handleOps", [[packed], paid], { gas: 6_000_000n }));
      const [event] = eventsOf(EntryPoint, receipt, "UserOperationEvent");
      assert.deepEqual([event.sender, event.success], [sender, true]);
      assert.equal(await client.read(entry, EntryPoint, "getNonce", [sender, 0n]), nonce);
    }
    assert.equal(await here.balance(carol.address), before + ETHER);
    assert.equal(await chain[other].read(counter, Counter, "get"), 1n);
    assert.equal(await client.read(sender, SimpleAccount, "owner"), alice.address);
    assert.ok((await here.balance(paid)) > 0n);
  });
}

/** Insists that a transaction succeeded. */
async function done(sent) {
  const receipt = await sent;
  assert.ok(receipt.succeeded, `transaction ${receipt.hash} reverted`);
  return receipt;
}

/** Creates a Safe through a factory of its own; returns its address. */
async function newSafe(client, owners, threshold) {
  const singleton = await client.deploy(deployer, Safe);
  const factory = await client.deploy(deployer, SafeProxyFactory);
  const addresses = owners.map(({ address }) => address);
  const setup = encode(Safe, "setup", [addresses, threshold, zeroAddress, "0x", zeroAddress, zeroAddress, 0n, zeroAddress]);
  const args = [singleton, setup, 1n];
  const receipt = await done(client.write(deployer, factory, SafeProxyFactory, "createProxyWithNonce", args));
  return eventsOf(SafeProxyFactory, receipt, "ProxyCreation")[0].proxy;
}

/** Sends what owners of a Safe signed for the rollup `on`. */
async function execute(client, safe, { to, value, data }, signers, on = client.chain.id) {
  const nonce = await client.read(safe, Safe, "nonce");
  const [operation, safeTxGas, baseGas, gasPrice] = [0, 0n, 0n, 0n];
  const rest = { operation, safeTxGas, baseGas, gasPrice, gasToken: zeroAddress, refundReceiver: zeroAddress };
  const typed = {
    domain: { chainId: on, verifyingContract: safe },
    types: {
      SafeTx: parameters("address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce"),
    },
    primaryType: "SafeTx",
    message: { to, value, data, ...rest, nonce },
  };
  const inOrder = [...signers].sort((one, two) => (one.address.toLowerCase() < two.address.toLowerCase() ? -1 : 1));
  const signatures = concat(await Promise.all(inOrder.map((signer) => client.signTyped(signer, typed))));
  const args = [to, value, data, ...Object.values(rest), signatures];
  return client.write(dave, safe, Safe, "execTransaction", args, { gas: 3_000_000n });
}

function signPermit(client, owner, permit, spender, chainId) {
  return client.signTyped(owner, {
    domain: { name: "Permit2", chainId, verifyingContract: PERMIT2 },
    types: {
      PermitTransferFrom: parameters("TokenPermissions permitted, address spender, uint256 nonce, uint256 deadline"),
      TokenPermissions: parameters("address token, uint256 amount"),
    },
    primaryType: "PermitTransferFrom",
    message: { ...permit, spender },
  });
}

function action(target, value, data) {
  return encode(SimpleAccount, "execute", [target, value, data]);
}

/** Completes a user operation and signs it for a rollup: since version 0.8 of the entry point, as typed data. */
async function signed(client, owner, operation, entry, chainId) {
  const message = {
    initCode: "0x",
    accountGasLimits: pair(1_500_000n, 1_500_000n),
    preVerificationGas: 100_000n,
    gasFees: pair(10n ** 9n, 10n ** 10n),
    paymasterAndData: "0x",
    ...operation,
  };
  const typed = {
    domain: { name: "ERC4337", version: "1", chainId, verifyingContract: entry },
    types: {
      PackedUserOperation: parameters("address sender, uint256 nonce, bytes initCode, bytes callData, bytes32 accountGasLimits, uint256 preVerificationGas, bytes32 gasFees, bytes paymasterAndData"),
    },
    primaryType: "PackedUserOperation",
    message,
  };
  return { ...message, signature: await client.signTyped(owner, typed) };
}

function pair(high, low) {
  return concat([numberToHex(high, { size: 16 }), numberToHex(low, { size: 16 })]);
}

/** Creates a counter on one rollup and its proxy on another. */
async function counterOn(id, here) {
  for (const one of [chain[id], here]) one.forgetNonces();
  const { hash, address: counter } = await chain[id].deploy(deployer, Counter);
  await chain[id].done(hash);
  const original = [counter, BigInt(id)];
  await here.done(here.call(deployer, MANAGER, Manager, "createCrossChainProxy", original));
  return { counter, proxy: await here.read(MANAGER, Manager, "computeCrossChainProxyAddress", ...original) };
}

/** Reads `type name, type name` as fields of a typed message. */
function parameters(text) {
  return text.split(", ").map((field) => Object.fromEntries(field.split(" ").map((word, at) => [["type", "name"][at], word])));
}
