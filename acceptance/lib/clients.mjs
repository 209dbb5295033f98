// viem, ethers and cast behind one face, so that one story can be told by each. Encoding, signing, nonces, gas, sending,
// waiting and decoding are the client's own, as it comes from npm.
import { execFile, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { Contract, ContractFactory, Interface, JsonRpcProvider, Wallet, WebSocketProvider, isCallException } from "ethers";
import {
  BaseError,
  ContractFunctionRevertedError,
  bytesToHex,
  createPublicClient,
  decodeErrorResult,
  getTypesForEIP712Domain,
  parseEventLogs,
  toEventSignature,
  webSocket,
} from "viem";
import { sendRawTransactionSync } from "viem/actions";
import { MULTICALL3, Multicall3 } from "./code.mjs";

const CAST = createRequire(import.meta.url).resolve("@foundry-rs/cast-linux-amd64/bin/cast");
const run = promisify(execFile);

/**
 * Makes a client of a `Chain`; `t.after` ends what it opens. Every one has
 *
 * - `deploy(account, contract, args?)`: address
 * - `send(account, { to, value?, data?, gas? })`, `write(account, address, contract, name, args?, { value?, gas? }?)`:
 *   `{ hash, succeeded, gasUsed, logs }`
 * - `sendSync(account, { to, value })`: the same from `eth_sendRawTransactionSync`
 * - `read(address, contract, name, args?)`: one value, integers as `bigint`
 * - `errorOf(from, address, contract, name, args)`: name and arguments of the error with which a call reverts
 * - `multicall([{ address, contract, name, args? }])`: one value each, undefined where the call failed
 * - `history(address, contract, event)`: arguments of all events, in order
 * - `listen(address, contract, event)`: the same as they come, as a list that grows, from some time after it is asked for
 * - `heads()`, `pending()`: numbers of new blocks and hashes of new transactions in the same way; cast has no such
 *   subscriptions
 * - `signTyped(account, { domain, types, primaryType, message })`: a signature
 */
export const CLIENTS = {
  viem: (chain, t) => new Viem(chain, t),
  ethers: (chain, t) => new Ethers(chain, t),
  cast: (chain, t) => new Cast(chain, t),
};

/** Returns the arguments of a transaction's events. */
export function eventsOf({ abi }, { logs }, eventName) {
  return parseEventLogs({ abi, logs, eventName }).map(({ args }) => args);
}

class Viem {
  #ended = false;

  constructor(chain, t) {
    Object.assign(this, { chain, t });
  }

  async deploy(account, { abi, bytecode }, args = []) {
    const hash = await this.chain.wallet(account).deployContract({ abi, bytecode, args });
    return (await this.chain.done(hash)).contractAddress;
  }

  async send(account, transaction) {
    return this.#receipt(await this.chain.wallet(account).sendTransaction(transaction));
  }

  async write(account, address, { abi }, functionName, args = [], options = {}) {
    return this.#receipt(await this.chain.wallet(account).writeContract({ address, abi, functionName, args, ...options }));
  }

  async sendSync(account, transaction) {
    const wallet = this.chain.wallet(account);
    const serializedTransaction = await wallet.signTransaction(await wallet.prepareTransactionRequest(transaction));
    return fromViem(await sendRawTransactionSync(this.chain.client, { serializedTransaction }));
  }

  read(address, { abi }, functionName, args = []) {
    return this.chain.client.readContract({ address, abi, functionName, args, blockTag: "pending" });
  }

  async errorOf({ address: account }, address, { abi }, functionName, args) {
    const call = this.chain.client.simulateContract({ account, address, abi, functionName, args, blockTag: "pending" });
    const error = await refusalOf(call);
    const reverted = error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    if (!reverted?.data) throw error;
    return { name: reverted.data.errorName, args: [...(reverted.data.args ?? [])] };
  }

  async multicall(calls) {
    const contracts = calls.map(({ address, contract: { abi }, name, args = [] }) => ({ address, abi, functionName: name, args }));
    const answers = await this.chain.client.multicall({ contracts, multicallAddress: MULTICALL3, blockTag: "pending" });
    return answers.map(({ result }) => result);
  }

  async history(address, { abi }, eventName) {
    const events = await this.chain.client.getContractEvents({ address, abi, eventName, fromBlock: "earliest" });
    return events.map(({ args }) => Object.values(args));
  }

  async listen(address, { abi }, eventName) {
    const heard = [];
    const onLogs = (logs) => heard.push(...logs.map(({ args }) => Object.values(args)));
    await this.#watch((client, onError) => client.watchContractEvent({ address, abi, eventName, onLogs, onError }));
    return heard;
  }

  async heads() {
    const heard = [];
    const onBlockNumber = (number) => heard.push(number);
    await this.#watch((client, onError) => client.watchBlockNumber({ onBlockNumber, onError }));
    return heard;
  }

  async pending() {
    const heard = [];
    const onTransactions = (hashes) => heard.push(...hashes);
    await this.#watch((client, onError) => client.watchPendingTransactions({ onTransactions, onError }));
    return heard;
  }

  async #watch(start) {
    const url = this.chain.url.replace("http", "ws");
    const client = createPublicClient({ chain: this.chain.definition, transport: webSocket(url, { reconnect: false }) });
    const socket = await client.transport.getRpcClient();
    start(client, (error) => this.#ended || Promise.reject(error));
    // viem has one socket for one address: whoever closes it ends everything that is heard there.
    this.t.after(() => {
      this.#ended = true;
      socket.close();
    });
  }

  signTyped(account, typed) {
    return account.signTypedData(typed);
  }

  async #receipt(hash) {
    return fromViem(await this.chain.receipt(hash));
  }
}

class Ethers {
  constructor(chain, t) {
    // ethers remembers answers for 250 ms, longer than a slot.
    this.provider = new JsonRpcProvider(chain.url, undefined, { pollingInterval: 25, cacheTimeout: -1 });
    t.after(() => this.provider.destroy());
    Object.assign(this, { chain, t });
  }

  async deploy(account, { abi, bytecode }, args = []) {
    const created = await new ContractFactory(abi, bytecode, this.#wallet(account)).deploy(...args);
    await created.waitForDeployment();
    return created.getAddress();
  }

  async send(account, { gas, ...transaction }) {
    return this.#receipt(await this.#wallet(account).sendTransaction({ ...transaction, gasLimit: gas }));
  }

  async write(account, address, { abi }, name, args = [], { gas, ...options } = {}) {
    const contract = new Contract(address, abi, this.#wallet(account));
    return this.#receipt(await contract.getFunction(name)(...args, { ...options, gasLimit: gas }));
  }

  async sendSync(account, transaction) {
    const wallet = this.#wallet(account);
    const raw = await wallet.signTransaction(await wallet.populateTransaction(transaction));
    return fromRpc(await this.provider.send("eth_sendRawTransactionSync", [raw]));
  }

  async read(address, { abi }, name, args = []) {
    const found = await this.#contract(address, abi).getFunction(name)(...args, { blockTag: "pending" });
    return typeof found === "object" ? [...found] : found;
  }

  async errorOf({ address: from }, address, { abi }, name, args) {
    const error = await refusalOf(this.#contract(address, abi).getFunction(name).staticCall(...args, { from, blockTag: "pending" }));
    if (!isCallException(error) || !error.revert) throw error;
    return { name: error.revert.name, args: [...error.revert.args] };
  }

  async multicall(calls) {
    const faces = calls.map(({ contract: { abi } }) => new Interface(abi));
    const packed = calls.map(({ address, name, args = [] }, index) => [address, true, faces[index].encodeFunctionData(name, args)]);
    const answers = await this.#contract(MULTICALL3, Multicall3.abi).aggregate3.staticCall(packed, { blockTag: "pending" });
    return answers.map(([success, data], index) =>
      success ? faces[index].decodeFunctionResult(calls[index].name, data)[0] : undefined,
    );
  }

  async history(address, { abi }, event) {
    return (await this.#contract(address, abi).queryFilter(event)).map(({ args }) => [...args]);
  }

  async listen(address, { abi }, event) {
    const heard = [];
    const contract = new Contract(address, abi, this.#socket());
    // The last argument is ethers' own.
    await contract.on(event, (...args) => heard.push(args.slice(0, -1)));
    return heard;
  }

  async heads() {
    const heard = [];
    await this.#socket().on("block", (number) => heard.push(BigInt(number)));
    return heard;
  }

  async pending() {
    const heard = [];
    await this.#socket().on("pending", (hash) => heard.push(hash));
    return heard;
  }

  signTyped(account, { domain, types, message }) {
    return this.#wallet(account).signTypedData(domain, types, message);
  }

  #wallet(account) {
    return new Wallet(keyOf(account), this.provider);
  }

  #contract(address, abi) {
    return new Contract(address, abi, this.provider);
  }

  #socket() {
    const socket = new WebSocketProvider(this.chain.url.replace("http", "ws"));
    this.t.after(() => socket.destroy());
    return socket;
  }

  async #receipt(sent) {
    const receipt = await sent.wait().catch((error) => {
      if (isCallException(error) && error.receipt) return error.receipt;
      throw error;
    });
    const { hash, status, gasUsed, logs } = receipt;
    return { hash, succeeded: status === 1, gasUsed, logs: logs.map(({ address, topics, data }) => ({ address, topics, data })) };
  }
}

class Cast {
  constructor(chain, t) {
    Object.assign(this, { chain, t });
  }

  async deploy(account, { abi, bytecode }, args = []) {
    const constructor = abi.find(({ type }) => type === "constructor") ?? { inputs: [] };
    const call = args.length > 0 ? [`constructor(${typesOf(constructor.inputs)})`, ...textsOf(args, constructor.inputs)] : [];
    const { contractAddress } = JSON.parse(await this.cast("send", ...this.#from(account), "--create", bytecode, ...call));
    return contractAddress;
  }

  async send(account, { to, data, ...options }) {
    const call = data && data !== "0x" ? ["--data", data] : [];
    return fromRpc(JSON.parse(await this.cast("send", ...this.#from(account), to, ...call, ...paid(options))));
  }

  async write(account, address, { abi }, name, args = [], options = {}) {
    const { signature, texts } = called(abi, name, args);
    return fromRpc(JSON.parse(await this.cast("send", ...this.#from(account), ...paid(options), address, signature, ...texts)));
  }

  async sendSync(account, { to, ...options }) {
    return fromRpc(JSON.parse(await this.cast("send", ...this.#from(account), "--sync", ...paid(options), to)));
  }

  async read(address, { abi }, name, args = []) {
    const { signature, texts, outputs } = called(abi, name, args);
    const text = await this.cast("call", "--json", "--block", "pending", address, `${signature}(${typesOf(outputs)})`, ...texts);
    return valueOf(jsonOf(text)[0], outputs[0]);
  }

  async errorOf({ address: from }, address, { abi }, name, args) {
    const { signature, texts } = called(abi, name, args);
    const error = await refusalOf(this.cast("call", "--block", "pending", "--from", from, address, signature, ...texts));
    const data = /execution reverted.*data: "(0x[0-9a-f]+)"/s.exec(error.stderr)?.[1];
    if (!data) throw error;
    // cast shows the bytes; whoever reads them decodes them.
    const { errorName, args: told = [] } = decodeErrorResult({ abi, data });
    return { name: errorName, args: [...told] };
  }

  async multicall(calls) {
    const packed = await Promise.all(
      calls.map(async ({ address, contract: { abi }, name, args = [] }) => {
        const { signature, texts } = called(abi, name, args);
        return { target: address, allowFailure: true, callData: await this.cast("calldata", signature, ...texts) };
      }),
    );
    const { signature, texts, outputs } = called(Multicall3.abi, "aggregate3", [packed]);
    const text = await this.cast("call", "--json", "--block", "pending", MULTICALL3, `${signature}(${typesOf(outputs)})`, ...texts);
    const answers = valueOf(jsonOf(text)[0], outputs[0]);
    return Promise.all(answers.map(([success, data], index) => (success ? this.#decoded(calls[index], data) : undefined)));
  }

  async #decoded({ contract: { abi }, name, args = [] }, data) {
    const { signature, outputs } = called(abi, name, args);
    return valueOf(jsonOf(await this.cast("decode-abi", "--json", `${signature}(${typesOf(outputs)})`, data))[0], outputs[0]);
  }

  async history(address, { abi }, event) {
    const signature = signatureOf(abi, event);
    const text = await this.cast("logs", "--json", "--from-block", "earliest", "--address", address, signature);
    return parseEventLogs({ abi, logs: JSON.parse(text), eventName: event }).map(({ args }) => Object.values(args));
  }

  async listen(address, { abi }, event) {
    const [heard, url] = [[], this.chain.url.replace("http", "ws")];
    const child = spawn(CAST, ["logs", "--json", "--subscribe", "--rpc-url", url, "--address", address, signatureOf(abi, event)]);
    this.t.after(() => child.kill());
    // A list that never ends, of objects without objects in them.
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (more) => {
      text += more;
      const logs = (text.match(/\{[^{}]*\}/g) ?? []).map((log) => JSON.parse(log));
      text = text.slice(text.lastIndexOf("}") + 1);
      heard.push(...parseEventLogs({ abi, logs, eventName: event }).map(({ args }) => Object.values(args)));
    });
    return heard;
  }

  async signTyped(account, { domain, types, primaryType, message }) {
    const whole = { domain, types: { EIP712Domain: getTypesForEIP712Domain({ domain }), ...types }, primaryType, message };
    const text = JSON.stringify(whole, (_, value) => (typeof value === "bigint" ? String(value) : value));
    return this.cast("wallet", "sign", "--private-key", keyOf(account), "--data", text);
  }

  async cast(command, ...options) {
    const env = { ...process.env, ETH_RPC_URL: this.chain.url };
    const { stdout } = await run(CAST, [command, ...options], { env, maxBuffer: 1 << 24 });
    return stdout.trim();
  }

  #from(account) {
    return ["--private-key", keyOf(account), "--json"];
  }
}

function keyOf(account) {
  return bytesToHex(account.getHdKey().privateKey);
}

function fromViem({ transactionHash, status, gasUsed, logs }) {
  return { hash: transactionHash, succeeded: status === "success", gasUsed, logs };
}

function fromRpc({ transactionHash, status, gasUsed, logs }) {
  return { hash: transactionHash, succeeded: status === "0x1", gasUsed: BigInt(gasUsed), logs };
}

/** Returns how a request is refused. */
function refusalOf(request) {
  return request.then(
    (answer) => Promise.reject(new Error(`the call succeeds: ${answer}`)),
    (error) => error,
  );
}

/** Returns a function of an ABI as cast takes it. */
function called(abi, name, args) {
  const { inputs, outputs } = abi.find((entry) => entry.type === "function" && entry.name === name && entry.inputs.length === args.length);
  return { signature: `${name}(${typesOf(inputs)})`, texts: textsOf(args, inputs), outputs };
}

function signatureOf(abi, event) {
  return toEventSignature(abi.find(({ type, name }) => type === "event" && name === event));
}

function typesOf(parameters) {
  return parameters.map(typeOf).join(",");
}

function typeOf({ type, components }) {
  return type.startsWith("tuple") ? `(${typesOf(components)})${type.slice("tuple".length)}` : type;
}

function textsOf(values, parameters) {
  return parameters.map((parameter, index) => textOf(values[index], parameter));
}

function textOf(value, { type, components }) {
  if (type.endsWith("[]")) return `[${value.map((one) => textOf(one, { type: type.slice(0, -2), components })).join(",")}]`;
  if (type !== "tuple") return String(value);
  const fields = components.map((field, index) => textOf(Array.isArray(value) ? value[index] : value[field.name], field));
  return `(${fields.join(",")})`;
}

/** Reads cast's JSON, in which integers of any size are numbers. */
function jsonOf(text) {
  return JSON.parse(text.replace(/(?<=[[,:\s])-?\d+(?=\s*[\],}])/g, '"$&"'));
}

function valueOf(value, { type, components }) {
  if (type.endsWith("[]")) return value.map((one) => valueOf(one, { type: type.slice(0, -2), components }));
  if (type === "tuple") return components.map((field, index) => valueOf(value[index], field));
  return /^u?int/.test(type) ? BigInt(value) : value;
}

function paid({ value = 0n, gas }) {
  return ["--value", String(value), ...(gas ? ["--gas-limit", String(gas)] : [])];
}
