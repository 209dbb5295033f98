//! Client of a Weft realm, over alloy's providers.
//!
//! A realm is a set of rollups that share one order. [`Realm::connect`] finds all of them through any one; each is an
//! ordinary chain behind [`Rollup::provider`]. What is particular about a realm is here: bundles that are included on all
//! their rollups or on none ([`Realm::bundle`]), proxies through which a contract calls another rollup
//! ([`Realm::create_proxy`]), signed promises about position and result ([`Realm::promises`]), items whose order is fixed
//! before anybody can read them ([`Realm::seal_and_send`]), and simulations of several rollups at once
//! ([`Realm::simulate`]).
//!
//! ```
//! use alloy_primitives::U256;
//! use alloy_signer_local::PrivateKeySigner;
//! use weft_client::{Leg, Outcome, Realm};
//! # use weft_node::{DEV_ACCOUNTS, DevConfig, Node};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let node = Node::start(DevConfig { port: 0, slot_ms: 20, ..DevConfig::default() }).await?;
//! # let url = &node.rollups()[0].url;
//! # let alice = PrivateKeySigner::from_slice(DEV_ACCOUNTS[0].key.as_slice())?;
//! # let bob = DEV_ACCOUNTS[1].address;
//! let realm = Realm::connect(url).await?;
//! let bundle = realm
//!     .bundle()
//!     .leg(Leg::transfer(901, &alice, bob, U256::from(1)))
//!     .leg(Leg::transfer(902, &alice, bob, U256::from(2)))
//!     .sign()
//!     .await?;
//! match bundle.send().await?.outcome().await? {
//!     Outcome::Executed(done) => println!("on both rollups, in slot {}", done.slot),
//!     Outcome::Removed(removed) => println!("on none: {removed}"),
//!     Outcome::Dropped(dropped) => println!("never had a turn: {}", dropped.reason),
//!     Outcome::Part(part) => println!("waits for the legs of others: {part:?}"),
//! }
//! # assert_eq!(realm.rollup(902)?.balance(bob).await?, alloy_primitives::utils::parse_ether("10000")? + U256::from(2));
//! # node.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Nothing that a node says about identities is taken on trust: ids of bundles and addresses of proxies are computed here,
//! and promises are checked against a key that the caller names. This crate keeps no keys and no state.

mod bundle;
mod error;
mod fill;
mod outcome;
mod promise;
mod proxy;
mod realm;
mod sealing;
mod simulate;
mod sync_send;

pub use bundle::{Bundle, Leg, MarkerPlace, SentBundle, SignedBundle};
pub use error::{ClientError, RefusedBundle};
pub use outcome::{
    Dropped, Executed, LegResult, OpenedPart, Outcome, Patience, Removed, SystemTransaction,
};
pub use promise::{Feed, NoticeFeed, PromiseKey, Promises, ToldNotice, VerifiedPromise};
pub use realm::{Realm, Rollup};
pub use sealing::{Committee, HiddenLeg, Promised, SealedItem, SealingKey, SealingTerms, Seed};
pub use simulate::{SimulatedBundle, SimulatedLeg};
pub use sync_send::NotSent;

/// Key that signs transactions, wherever it is kept.
pub type TxSigner = dyn alloy_network::TxSigner<alloy_primitives::Signature> + Send + Sync;
