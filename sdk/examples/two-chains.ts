import { bundle, NotIncludedError, realm } from "@weft/sdk";
import { mnemonicToAccount } from "viem/accounts";

const account = mnemonicToAccount("test test test test test test test test test test test junk");
const weft = await realm(process.env.WEFT_URL ?? "http://127.0.0.1:9545");

const sent = await bundle(weft)
  .leg({ chainId: 901, account, to: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", value: 1n })
  .leg({ chainId: 902, account, to: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", value: 2n })
  .send();
try {
  const { slot, siblings } = await sent.wait();
  console.log(`included in slot ${slot}:`, siblings.map(({ chainId, txHash }) => `${chainId} ${txHash}`));
} catch (error) {
  if (!(error instanceof NotIncludedError)) throw error;
  console.log(error.message); // removed: Failed at leg 1 on 902: ..
}
