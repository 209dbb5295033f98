// The trade of S2: dear on B, cheap on A, with the trader's own funds on both.
import { maxUint256, parseEther } from "viem";
import { encode } from "./chain.mjs";
import { CrossChainToken, UniswapV2Router02, WETH9 } from "./code.mjs";
import { DEADLINE, tusdc } from "./market.mjs";

export const SPENT = tusdc("50000");
export const BOUGHT = parseEther("16.345066150794301359");
export const EARNED = tusdc("52914.604116");

/** Gives traders TUSDC on A and WETH on B, approved for the routers. */
export async function fund({ a, b }, owner, traders, { tokens = SPENT, weth = parseEther("20") } = {}) {
  const hashes = traders.flatMap((trader) => [
    [a.chain, a.chain.call(owner, a.token, CrossChainToken, "mint", [trader.address, tokens])],
    [a.chain, a.chain.call(trader, a.token, CrossChainToken, "approve", [a.router, maxUint256])],
    [b.chain, b.chain.call(trader, b.weth, WETH9, "deposit", [], { value: weth })],
    [b.chain, b.chain.call(trader, b.weth, WETH9, "approve", [b.router, maxUint256])],
  ]);
  await Promise.all(hashes.map(([chain, hash]) => chain.done(hash)));
}

/** Drafts of the two legs. The bounds are what the trade gives at the prices of F0. */
export function arbitrage({ a, b }, account, { spent = SPENT, bought = BOUGHT, sold = bought, earned = EARNED } = {}) {
  const leg = (market, path, amount, minOut) => ({
    chain: market.chain,
    account,
    to: market.router,
    gas: 300_000n,
    data: encode(UniswapV2Router02, "swapExactTokensForTokens", [amount, minOut, path, account.address, DEADLINE]),
  });
  return [leg(a, [a.token, a.weth], spent, bought), leg(b, [b.weth, b.token], sold, earned)];
}

/** Returns what a trader holds on both rollups. */
export async function holdings({ a, b }, { address }) {
  const of = (market, token) => market.chain.read(token, CrossChainToken, "balanceOf", address);
  const [tokensA, wethA, tokensB, wethB] = await Promise.all([
    of(a, a.token),
    of(a, a.weth),
    of(b, b.token),
    of(b, b.weth),
  ]);
  return { tokens: tokensA + tokensB, weth: wethA + wethB };
}
