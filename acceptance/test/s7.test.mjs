// S7: a payment to a rollup whose executor, a process of its own, was killed goes to another rollup.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { decodeEventLog, encodeErrorResult, parseEther } from "viem";
import { outcome, plainLegs, sendBundle } from "../lib/bundle.mjs";
import { accounts, chains, encode } from "../lib/chain.mjs";
import { Counter, MANAGER, Manager, Payer, Status } from "../lib/code.mjs";
import { A, B, C, binary, devnet, until } from "../lib/devnet.mjs";
import { Ledger, inboundReceipts } from "../lib/invariants.mjs";

const AMOUNT = parseEther("1");
const BOUND_MS = 5_000;

const hasExecutors = execFileSync(binary(), ["dev", "--help"], { encoding: "utf8" }).includes("--executor");
