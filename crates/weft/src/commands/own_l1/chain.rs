//! A chain that stands in for L1, as a child of this process.

use super::roles;
use alloy_primitives::U256;
use eyre::{Result, WrapErr};
use std::{net::IpAddr, path::Path, time::Duration};
use thiserror::Error;
use weft_devl1::{Backend, DevL1, DevL1Error, Settings, find_anvil};
use weft_node::DEV_ACCOUNTS;

/// Which client it is.
pub(super) const CLIENT: &str = "anvil";
/// Between two blocks when nobody sends a transaction.
const INTERVAL: Duration = Duration::from_secs(2);

/// Nothing here can make a chain.
#[derive(Debug, Error)]
#[error(transparent)]
pub(in crate::commands) struct NoClient(DevL1Error);

/// What somebody wants of a chain.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct Wanted {
    /// Address to listen on.
    pub(in crate::commands) host: IpAddr,
    /// Port; 0 for any.
    pub(in crate::commands) port: u16,
    /// Whether it must be this port: otherwise another one does when somebody has it.
    pub(in crate::commands) is_asked: bool,
    /// What each development account has, in wei.
    pub(in crate::commands) balance: U256,
}

impl Wanted {
    /// Starts it, with its blobs in `home`.
    ///
    /// # Errors
    ///
    /// [`NoClient`]; whatever the client says.
    pub(in crate::commands) async fn start(&self, home: &Path) -> Result<Box<dyn DevL1>> {
        let program = find_anvil().map_err(NoClient)?;
        let accounts = DEV_ACCOUNTS.iter().map(|account| (account.address, self.balance));
        let settings = Settings {
            host: self.host,
            port: self.port,
            interval: INTERVAL,
            eager: true,
            funded: accounts.chain(roles::funded()).collect(),
            ..Settings::new(Backend::Anvil(program), home.join("blobs"))
        };
        let started = match weft_devl1::start(settings.clone()).await {
            // Nobody asked for this port, and whoever has it may be of use to somebody else.
            Err(DevL1Error::Port { .. }) if !self.is_asked => {
                weft_devl1::start(Settings { port: 0, ..settings }).await
            }
            started => started,
        };
        started.wrap_err("cannot start the L1")
    }
}
