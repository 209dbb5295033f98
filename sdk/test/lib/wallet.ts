// A wallet with one current chain, as browsers have them; the node holds the keys.
import { numberToHex } from "viem";

/** Returns an EIP-1193 provider over several nodes. */
export function routed(urls: Record<number, string>) {
  let current = Number(Object.keys(urls)[0]);
  return {
    async request({ method, params }: { method: string; params?: unknown }): Promise<any> {
      if (method === "eth_chainId") return numberToHex(current);
      if (method === "wallet_switchEthereumChain") {
        current = Number((params as [{ chainId: string }])[0].chainId);
        return null;
      }
      if (method === "eth_requestAccounts") method = "eth_accounts";
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: params ?? [] });
      const headers = { "content-type": "application/json" };
      const answer: any = await (await fetch(urls[current]!, { method: "POST", headers, body })).json();
      if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
      return answer.result;
    },
  };
}
