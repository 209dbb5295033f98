//! Types generated from `contracts/artifacts`.
#![allow(missing_docs)] // The NatSpec of the Solidity interfaces documents what is generated here.
#![allow(clippy::too_many_arguments)] // So are the functions that it makes of events.

use alloy_sol_types::sol;

sol!(
    #[derive(Debug, PartialEq, Eq)]
    Manager,
    "../../contracts/artifacts/Manager.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Bridge,
    "../../contracts/artifacts/Bridge.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    DeadRegistry,
    "../../contracts/artifacts/DeadRegistry.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    FeeVault,
    "../../contracts/artifacts/FeeVault.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    CrossChainProxy,
    "../../contracts/artifacts/CrossChainProxy.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    WrappedToken,
    "../../contracts/artifacts/WrappedToken.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Counter,
    "../../contracts/artifacts/Counter.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    CrossChainToken,
    "../../contracts/artifacts/CrossChainToken.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    FlashArb,
    "../../contracts/artifacts/FlashArb.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    FlashLender,
    "../../contracts/artifacts/FlashLender.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Payer,
    "../../contracts/artifacts/Payer.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Pool,
    "../../contracts/artifacts/Pool.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    RemoteTrader,
    "../../contracts/artifacts/RemoteTrader.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Weth,
    "../../contracts/artifacts/Weth.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Hub,
    "../../contracts/artifacts/Hub.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Inbox,
    "../../contracts/artifacts/Inbox.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    L1Bridge,
    "../../contracts/artifacts/L1Bridge.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Escape,
    "../../contracts/artifacts/Escape.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    AttestationPolicy,
    "../../contracts/artifacts/AttestationPolicy.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    SequencerRegistry,
    "../../contracts/artifacts/SequencerRegistry.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Judge,
    "../../contracts/artifacts/Judge.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Slasher,
    "../../contracts/artifacts/Slasher.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    OrderVerifier,
    "../../contracts/artifacts/OrderVerifier.json"
);
