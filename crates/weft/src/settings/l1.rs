//! The section `[l1]`.

use super::Settings;
use alloy_primitives::Address;
use eyre::Result;
use weft_types::Domain;

/// Where the realm is on L1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct L1Settings {
    /// Endpoints.
    pub(crate) urls: Vec<String>,
    /// Hub, when the realm is deployed.
    pub(crate) hub: Option<Address>,
    /// Block to read from.
    pub(crate) from: u64,
    /// Directory or beacon endpoint with blobs.
    pub(crate) blobs: Option<String>,
}

impl Settings {
    /// Returns where the realm is on L1.
    ///
    /// # Errors
    ///
    /// What cannot be read, with its key.
    pub(crate) fn l1(&self) -> Result<L1Settings> {
        Ok(L1Settings {
            urls: self.endpoints()?,
            hub: self.hub()?,
            from: self.number("l1.from").unwrap_or_default(),
            blobs: self.text("l1.blobs").map(str::to_owned),
        })
    }

    /// Returns the endpoints of L1.
    pub(super) fn endpoints(&self) -> Result<Vec<String>> {
        let urls = self.text("l1.urls").unwrap_or_default();
        let urls = urls.split(',').map(str::trim).filter(|url| !url.is_empty());
        let is_http = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        if let Some(url) = urls.clone().find(|url| !is_http(url)) {
            return Err(self.wrong("l1.urls", format_args!("`{url}`: write http://host:port")));
        }
        Ok(urls.map(str::to_owned).collect())
    }

    /// Returns the realm that everything signed belongs to: that of the hub, once there is one.
    pub(crate) fn domain(&self) -> Result<Domain> {
        let realm = self.number("realm.id").unwrap_or(0);
        let domain = Domain { realm, ..Domain::dev() };
        match (self.number("l1.chain_id"), self.hub()?) {
            (Some(l1_chain_id), Some(settlement)) => {
                Ok(Domain { l1_chain_id, settlement, ..domain })
            }
            (None, None) => Ok(domain),
            (Some(_), None) => Err(self.wrong("l1.chain_id", "needs `l1.hub`")),
            (None, Some(_)) => Err(self.wrong("l1.hub", "needs `l1.chain_id`")),
        }
    }

    fn hub(&self) -> Result<Option<Address>> {
        let hub = self.text("l1.hub").map(str::parse::<Address>).transpose();
        hub.map_err(|_| self.wrong("l1.hub", "is no address; write 0x and 40 hex digits"))
    }
}
