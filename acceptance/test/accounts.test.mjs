// Accounts that are contracts, as published: a Safe of two out of three, a permit of Permit2, a user operation of
// ERC-4337; on every rollup, through proxies onto another one, and refused where a signature is missing or of elsewhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, decodeErrorResult, getAddress, maxUint256, parseAbi, parseEther, parseEventLogs, toHex, zeroAddress } from "viem";
import { getUserOperationHash, toPackedUserOperation } from "viem/account-abstraction";
import { accounts, chains, encode } from "../lib/chain.mjs";
import {
  Counter,
  EntryPoint,
  MANAGER,
  Manager,
  PERMIT2,
  Safe,
  SafeProxyFactory,
  SimpleAccount,
  SimpleAccountFactory,
  WETH9,
} from "../lib/code.mjs";
import { CHAIN_IDS, devnet } from "../lib/devnet.mjs";

const ETHER = parseEther("1");
const Permit2 = {
  abi: parseAbi([
    "struct TokenPermissions { address token; uint256 amount; }",
    "struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }",
    "struct SignatureTransferDetails { address to; uint256 requestedAmount; }",
    "function permitTransferFrom(PermitTransferFrom permit, SignatureTransferDetails details, address owner, bytes signature)",
    "error InvalidNonce()",
    "error InvalidSigner()",
  ]),
};
const [deployer, alice, bob, carol, dave, bundler, friend] = accounts;
const chain = chains(await devnet());

for (const [index, id] of CHAIN_IDS.entries()) {
  const here = chain[id];
  const other = CHAIN_IDS[(index + 1) % CHAIN_IDS.length];

  test(`a Safe on ${id} acts with two of its three owners, here and on ${other}`, async () => {
    const owners = [alice, bob, carol];
    const safe = await newSafe(here, owners, 2n);
    await here.done(here.send(alice, { to: safe, value: 2n * ETHER }));
    assert.deepEqual(await here.read(safe, Safe, "getOwners"), owners.map(({ address }) => address));

    const before = await here.balance(friend.address);
    const payment = { to: friend.address, value: ETHER, data: "0x" };
    const receipt = await here.done(execute(here, safe, payment, [alice, carol]));
    assert.equal(eventsOf(Safe, receipt, "ExecutionSuccess").length, 1);
    assert.equal(await here.balance(friend.address), before + ETHER);

    const { counter, proxy } = await counterOn(other, here);
    const increment = { to: proxy, value: 0n, data: encode(Counter, "increment") };
    await here.done(execute(here, safe, increment, [bob, carol]));
    assert.equal(await chain[other].read(counter, Counter, "get"), 1n);
    assert.equal(await here.read(safe, Safe, "nonce"), 2n);

    // One owner is too few, a stranger is none, and a signature for another rollup is not one for this.
    for (const [signers, on] of [
      [[alice], id],
      [[alice, dave], id],
      [[alice, bob], other],
    ]) {
      const refused = await here.receipt(await execute(here, safe, payment, signers, on));
      assert.equal(refused.status, "reverted");
    }
    assert.equal(await here.balance(safe), ETHER);
    assert.equal(await here.read(safe, Safe, "nonce"), 2n);
  });

  test(`Permit2 on ${id} moves what was permitted, once`, async () => {
    const weth = await here.deploy(deployer, WETH9);
    await here.done(weth.hash);
    await here.done(here.call(alice, weth.address, WETH9, "deposit", [], { value: ETHER }));
    await here.done(here.call(alice, weth.address, WETH9, "approve", [PERMIT2, maxUint256]));
    const permit = { permitted: { token: weth.address, amount: ETHER }, nonce: 7n, deadline: maxUint256 };
    const details = { to: dave.address, requestedAmount: ETHER / 4n };
    const args = async (chainId, nonce) => {
      const asked = { ...permit, nonce };
      return [asked, details, alice.address, await signPermit(alice, asked, bob.address, chainId)];
    };

    const foreign = await args(other, 7n);
    assert.equal(await errorOf(here, bob, PERMIT2, Permit2, "permitTransferFrom", foreign), "InvalidSigner");
    const permitted = await args(id, 7n);
    assert.equal(await errorOf(here, carol, PERMIT2, Permit2, "permitTransferFrom", permitted), "InvalidSigner");
    await here.done(here.call(bob, PERMIT2, Permit2, "permitTransferFrom", permitted));
    assert.equal(await here.read(weth.address, WETH9, "balanceOf", dave.address), ETHER / 4n);
    assert.equal(await errorOf(here, bob, PERMIT2, Permit2, "permitTransferFrom", permitted), "InvalidNonce");
    await here.done(here.call(bob, PERMIT2, Permit2, "permitTransferFrom", await args(id, 8n)));
    assert.equal(await here.read(weth.address, WETH9, "balanceOf", dave.address), ETHER / 2n);
  });

  test(`a user operation on ${id} creates its account and acts, here and on ${other}`, async () => {
    const entry = await here.deploy(deployer, EntryPoint);
    await here.done(entry.hash);
    const factory = await here.deploy(deployer, SimpleAccountFactory, entry.address);
    await here.done(factory.hash);
    const sender = await here.read(factory.address, SimpleAccountFactory, "getAddress", alice.address, 1n);
    assert.equal(await here.client.getCode({ address: sender }), undefined);
    await here.done(here.send(dave, { to: sender, value: 2n * ETHER }));

    const { counter, proxy } = await counterOn(other, here);
    const creation = { factory: factory.address, factoryData: encode(SimpleAccountFactory, "createAccount", [alice.address, 1n]) };
    const first = { sender, nonce: 0n, ...creation, callData: action(carol.address, ETHER, "0x") };
    const second = { sender, nonce: 1n, callData: action(proxy, 0n, encode(Counter, "increment")) };
    const before = await here.balance(carol.address);

    // Another rollup's signature is refused before anything runs.
    const foreign = await signed(alice, first, entry.address, other);
    const data = await revertData(here, bundler, entry.address, encode(EntryPoint, "handleOps", [[foreign], bundler.address]));
    const refusal = decodeErrorResult({ abi: EntryPoint.abi, data });
    assert.deepEqual([refusal.errorName, refusal.args[1]], ["FailedOp", "AA24 signature error"]);

    const paid = getAddress(`0x${"bf".repeat(20)}`);
    for (const [operation, nonce] of [
      [first, 1n],
      [second, 2n],
    ]) {
      const packed = await signed(alice, operation, entry.address, id);
      const gas = 6_000_000n;
      const receipt = await here.done(here.call(bundler, entry.address, EntryPoint, "handleOps", [[packed], paid], { gas }));
      const [event] = eventsOf(EntryPoint, receipt, "UserOperationEvent");
      assert.deepEqual([event.sender, event.success], [sender, true]);
      assert.equal(await here.read(entry.address, EntryPoint, "getNonce", sender, 0n), nonce);
    }
    assert.equal(await here.balance(carol.address), before + ETHER);
    assert.equal(await chain[other].read(counter, Counter, "get"), 1n);
    assert.equal(await here.read(sender, SimpleAccount, "owner"), alice.address);
    assert.ok((await here.balance(paid)) > 0n);
  });
}

/** Creates a Safe through a factory of its own; returns its address. */
async function newSafe(here, owners, threshold) {
  const singleton = await here.deploy(deployer, Safe);
  const factory = await here.deploy(deployer, SafeProxyFactory);
  await here.done(singleton.hash);
  await here.done(factory.hash);
  const addresses = owners.map(({ address }) => address);
  const setup = encode(Safe, "setup", [addresses, threshold, zeroAddress, "0x", zeroAddress, zeroAddress, 0n, zeroAddress]);
  const args = [singleton.address, setup, 1n];
  const receipt = await here.done(here.call(deployer, factory.address, SafeProxyFactory, "createProxyWithNonce", args));
  return eventsOf(SafeProxyFactory, receipt, "ProxyCreation")[0].proxy;
}

/** Sends what owners of a Safe signed for the rollup `on`. */
async function execute(here, safe, { to, value, data }, signers, on = here.id) {
  const nonce = await here.read(safe, Safe, "nonce");
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
  const signatures = concat(await Promise.all(inOrder.map((signer) => signer.signTypedData(typed))));
  const args = [to, value, data, ...Object.values(rest), signatures];
  return here.call(dave, safe, Safe, "execTransaction", args);
}

function signPermit(owner, permit, spender, chainId) {
  return owner.signTypedData({
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

/** Completes a user operation and signs it for a rollup. */
async function signed(owner, operation, entryPointAddress, chainId) {
  const whole = {
    callGasLimit: 1_500_000n,
    verificationGasLimit: 1_500_000n,
    preVerificationGas: 100_000n,
    maxFeePerGas: 10n ** 10n,
    maxPriorityFeePerGas: 10n ** 9n,
    signature: "0x",
    ...operation,
  };
  const hash = getUserOperationHash({ chainId, entryPointAddress, entryPointVersion: "0.8", userOperation: whole });
  return toPackedUserOperation({ ...whole, signature: await owner.sign({ hash }) });
}

/** Creates a counter on one rollup and its proxy on another. */
async function counterOn(id, here) {
  const { hash, address: counter } = await chain[id].deploy(deployer, Counter);
  await chain[id].done(hash);
  const original = [counter, BigInt(id)];
  await here.done(here.call(deployer, MANAGER, Manager, "createCrossChainProxy", original));
  return { counter, proxy: await here.read(MANAGER, Manager, "computeCrossChainProxyAddress", ...original) };
}

/** Returns the name of the error with which a call reverts. */
async function errorOf(here, from, to, contract, functionName, args) {
  const data = await revertData(here, from, to, encode(contract, functionName, args));
  return decodeErrorResult({ abi: contract.abi, data }).errorName;
}

async function revertData(here, { address: from }, to, data) {
  const call = here.rpc("eth_call", { from, to, data, gas: toHex(6_000_000) }, "pending");
  const error = await call.then(() => assert.fail("the call succeeds"), (error) => error);
  assert.equal(error.code, 3, error.message);
  return error.data;
}

function eventsOf({ abi }, { logs }, eventName) {
  return parseEventLogs({ abi, logs, eventName }).map(({ args }) => args);
}

/** Reads `type name, type name` as fields of a typed message. */
function parameters(text) {
  return text.split(", ").map((field) => Object.fromEntries(field.split(" ").map((word, at) => [["type", "name"][at], word])));
}
