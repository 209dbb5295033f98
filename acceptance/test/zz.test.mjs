import { devnet } from "../lib/devnet.mjs";
await devnet();
throw new Error("x");
