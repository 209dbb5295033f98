//! A chain that stands in for L1: in this process, or anvil as a child of it.

use super::roles;
use alloy_primitives::U256;
use clap::ValueEnum;
use eyre::{Result, WrapErr};
use std::{net::IpAddr, path::Path, time::Duration};
use weft_devl1::{Backend, DevL1, DevL1Error, Settings, find_anvil};
use weft_node::DEV_ACCOUNTS;

/// Between two blocks when nobody sends a transaction.
const INTERVAL: Duration = Duration::from_secs(2);

/// What makes the blocks of a development L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(in crate::commands) enum L1Client {
    // A doc comment here would make all of `--help` long.
    #[default]
    Embedded,
    Anvil,
}

impl L1Client {
    /// Returns its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Anvil => "anvil",
        }
    }

    fn backend(self) -> Result<Backend> {
        match self {
            Self::Embedded => Ok(Backend::Embedded),
            Self::Anvil => Ok(Backend::Anvil(find_anvil()?)),
        }
    }
}

/// What somebody wants of a chain.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct Wanted {
    /// What makes it.
    pub(in crate::commands) client: L1Client,
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
    /// There is no anvil; whatever the client says.
    pub(in crate::commands) async fn start(&self, home: &Path) -> Result<Box<dyn DevL1>> {
        let accounts = DEV_ACCOUNTS.iter().map(|account| (account.address, self.balance));
        let settings = Settings {
            host: self.host,
            port: self.port,
            interval: INTERVAL,
            eager: true,
            funded: accounts.chain(roles::funded()).collect(),
            ..Settings::new(self.client.backend()?, home.join("blobs"))
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
