// Fixture F0: WETH9 and Uniswap v2 as published, and TUSDC, on two rollups.
import { maxUint256, parseEther, parseUnits } from "viem";
import {
  CrossChainToken,
  FlashArb,
  FlashLender,
  RemoteTrader,
  UniswapV2Factory,
  UniswapV2Pair,
  UniswapV2Router02,
  WETH9,
} from "./code.mjs";
import { A, B } from "./devnet.mjs";

export const RESERVE_WETH = parseEther("1000");
export const RESERVE_TUSDC = { [A]: tusdc("3000000"), [B]: tusdc("3300000") };
export const DEADLINE = 2n ** 40n;

/** Returns an amount of TUSDC, which has six decimals. */
export function tusdc(text) {
  return parseUnits(text, 6);
}

/** Deploys the markets of A and B with their pools; `owner` may mint TUSDC. */
export async function markets(chains, owner) {
  const [a, b] = await Promise.all([A, B].map((id) => market(chains[id], owner)));
  await Promise.all([
    a.chain.done(a.chain.call(owner, a.token, CrossChainToken, "setPeer", [BigInt(B), b.token])),
    b.chain.done(b.chain.call(owner, b.token, CrossChainToken, "setPeer", [BigInt(A), a.token])),
  ]);
  return { a, b };
}

/** What a flash loan has to lend. */
export const LENT = tusdc("1000000");

/** Deploys the contracts of S1 beside the markets; `route` says on which side the loan buys. */
export async function flashLoans(chains, owner, { a, b }) {
  const home = chains[A];
  const lender = await home.deploy(owner, FlashLender, a.token, 0n);
  const arb = await home.deploy(owner, FlashArb, a.weth, a.token);
  const trader = await chains[B].deploy(owner, RemoteTrader, b.weth, b.token, { target: b.router, isRouter: true });
  await Promise.all([
    home.done(lender.hash),
    home.done(arb.hash),
    chains[B].done(trader.hash),
    home.done(home.call(owner, a.token, CrossChainToken, "mint", [lender.address, LENT])),
  ]);
  const route = (buyRemote) => {
    const venue = { target: a.router, isRouter: true };
    const value = { lender: lender.address, venue, network: BigInt(B), trader: trader.address, buyRemote };
    return home.done(home.call(owner, arb.address, FlashArb, "setRoute", [value]));
  };
  return { lender, arb, trader, route };
}

async function market(chain, owner) {
  const weth = await chain.deploy(owner, WETH9);
  const factory = await chain.deploy(owner, UniswapV2Factory, owner.address);
  const router = await chain.deploy(owner, UniswapV2Router02, factory.address, weth.address);
  const token = await chain.deploy(owner, CrossChainToken, "Test USDC", "TUSDC", 6);
  const pool = {
    chain,
    weth: weth.address,
    factory: factory.address,
    router: router.address,
    token: token.address,
  };
  const reserve = RESERVE_TUSDC[chain.id];
  const call = (address, contract, name, ...args) => chain.call(owner, address, contract, name, args);
  const deposit = chain.call(owner, pool.weth, WETH9, "deposit", [], { value: RESERVE_WETH });
  const hashes = await Promise.all([
    weth.hash,
    factory.hash,
    router.hash,
    token.hash,
    deposit,
    call(pool.token, CrossChainToken, "mint", owner.address, reserve),
    call(pool.weth, WETH9, "approve", pool.router, maxUint256),
    call(pool.token, CrossChainToken, "approve", pool.router, maxUint256),
  ]);
  hashes.push(
    await chain.call(
      owner,
      pool.router,
      UniswapV2Router02,
      "addLiquidity",
      [pool.weth, pool.token, RESERVE_WETH, reserve, 0n, 0n, owner.address, DEADLINE],
      { gas: 6_000_000n },
    ),
  );
  await Promise.all(hashes.map((hash) => chain.done(hash)));
  pool.pair = await chain.read(pool.factory, UniswapV2Factory, "getPair", pool.weth, pool.token);
  return pool;
}

/** Returns the reserves of a market's pool. */
export async function reserves({ chain, pair, weth, token }) {
  const [first, second] = await chain.read(pair, UniswapV2Pair, "getReserves");
  return BigInt(weth) < BigInt(token) ? { weth: first, token: second } : { weth: second, token: first };
}

/** Returns what Uniswap v2 pays for `amountIn`. */
export function amountOut(amountIn, reserveIn, reserveOut) {
  const withFee = amountIn * 997n;
  return (withFee * reserveOut) / (reserveIn * 1000n + withFee);
}
