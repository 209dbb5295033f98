//! Where the content of batches is: blobs, from whoever kept them, checked against the hashes on L1.

use crate::{client::L1Client, events::Posted};
use alloy_eips::eip4844::kzg_to_versioned_hash;
use alloy_primitives::{B256, Bytes, hex};
use eip4844::{Context, TrustedSetup};
use serde::Deserialize;
use serde_json::json;
use std::{fmt::Debug, future::Future, path::PathBuf, pin::Pin, sync::LazyLock, time::Duration};
use thiserror::Error;
use tokio::time::timeout;

/// Bytes of a blob.
const BLOB_BYTES: usize = 131_072;
/// Most bytes of an answer: 72 blobs of a block in hex, and what is around them.
const MAX_ANSWER: usize = 72 * (2 * BLOB_BYTES + 4096);
/// Seconds of a slot of the beacon chain, where the endpoint does not say.
const SECONDS_PER_SLOT: u64 = 12;
/// How long a beacon endpoint may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why blobs are not there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlobError {
    /// The source does not have a blob.
    #[error("{source_name} does not have blob {hash} of batch {batch}")]
    Missing {
        /// Batch.
        batch: u64,
        /// Versioned hash of the blob.
        hash: B256,
        /// Who was asked.
        source_name: String,
    },
    /// The source gave something else, and has nothing that fits.
    #[error("{source_name} has another blob in the place of {hash} of batch {batch}")]
    Wrong {
        /// Batch.
        batch: u64,
        /// Versioned hash of the blob.
        hash: B256,
        /// Who was asked.
        source_name: String,
    },
    /// The source cannot be asked.
    #[error("{source_name}: {why}")]
    Source {
        /// Who was asked.
        source_name: String,
        /// What is wrong.
        why: String,
    },
}

/// What blobs are waited for with.
pub type BlobFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<Bytes>, BlobError>> + Send + 'a>>;

/// Somebody who keeps blobs. What comes from there need not be trusted.
pub trait BlobSource: Debug + Send + Sync {
    /// Returns the blobs of a batch in order, each 131,072 bytes long and checked against its hash.
    fn blobs<'a>(&'a self, posted: &'a Posted) -> BlobFuture<'a>;
}

/// What commits to blobs.
static KZG: LazyLock<Context> = LazyLock::new(|| Context::new(&TrustedSetup::default()));

/// Returns the versioned hash of a blob; nothing when it is none.
pub fn versioned_hash(blob: &[u8]) -> Option<B256> {
    let commitment = KZG.blob_to_kzg_commitment(blob.try_into().ok()?).ok()?;
    Some(kzg_to_versioned_hash(&commitment))
}

/// Finds the blobs of a batch among those that somebody gave.
fn pick(name: &str, posted: &Posted, given: Vec<Bytes>) -> Result<Vec<Bytes>, BlobError> {
    let given: Vec<(Option<B256>, Bytes)> =
        given.into_iter().map(|blob| (versioned_hash(&blob), blob)).collect();
    let find = |hash: &B256| {
        let found = given.iter().find(|(its, _)| its.as_ref() == Some(hash));
        let (batch, hash, source_name) = (posted.header.number, *hash, name.to_owned());
        found.map(|(_, blob)| blob.clone()).ok_or(BlobError::Missing { batch, hash, source_name })
    };
    posted.blobs.iter().map(find).collect()
}

/// A directory with a file for every blob: `0x<versioned hash>.blob`, 131,072 bytes.
#[derive(Debug, Clone)]
pub struct BlobDir(PathBuf);

impl BlobDir {
    /// Takes blobs from a directory.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns where a blob lies.
    pub fn path_of(&self, hash: &B256) -> PathBuf {
        self.0.join(format!("{hash}.blob"))
    }

    /// Keeps a blob; nothing when it is none.
    ///
    /// # Errors
    ///
    /// Any error of the file system.
    pub fn keep(&self, blob: &[u8]) -> std::io::Result<Option<B256>> {
        let Some(hash) = versioned_hash(blob) else { return Ok(None) };
        std::fs::create_dir_all(&self.0)?;
        let (path, part) = (self.path_of(&hash), self.path_of(&hash).with_extension("part"));
        std::fs::write(&part, blob)?;
        std::fs::rename(part, path)?;
        Ok(Some(hash))
    }

    fn read(&self, posted: &Posted) -> Result<Vec<Bytes>, BlobError> {
        let source_name = || self.0.display().to_string();
        let read = |hash: &B256| {
            let (batch, hash) = (posted.header.number, *hash);
            let path = self.path_of(&hash);
            let size = match std::fs::metadata(&path) {
                Ok(found) => found.len(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(BlobError::Missing { batch, hash, source_name: source_name() });
                }
                Err(error) => {
                    return Err(BlobError::Source {
                        source_name: source_name(),
                        why: error.to_string(),
                    });
                }
            };
            let wrong = || BlobError::Wrong { batch, hash, source_name: source_name() };
            if size != BLOB_BYTES as u64 {
                return Err(wrong());
            }
            let blob = std::fs::read(&path).map_err(|error| BlobError::Source {
                source_name: source_name(),
                why: error.to_string(),
            })?;
            if versioned_hash(&blob) == Some(hash) { Ok(blob.into()) } else { Err(wrong()) }
        };
        posted.blobs.iter().map(read).collect()
    }
}

impl BlobSource for BlobDir {
    fn blobs<'a>(&'a self, posted: &'a Posted) -> BlobFuture<'a> {
        Box::pin(async { self.read(posted) })
    }
}

/// The L1 client itself, where it serves blobs; development chains do.
#[derive(Debug, Clone)]
pub struct ClientBlobs(pub L1Client);

impl BlobSource for ClientBlobs {
    fn blobs<'a>(&'a self, posted: &'a Posted) -> BlobFuture<'a> {
        Box::pin(async {
            let name = "the L1 endpoint";
            let params = json!([posted.transaction]);
            let given: Option<Vec<Bytes>> =
                self.0.ask_any("anvil_getBlobsByTransactionHash", params).await.map_err(
                    |error| BlobError::Source {
                        source_name: name.to_owned(),
                        why: error.to_string(),
                    },
                )?;
            pick(name, posted, given.unwrap_or_default())
        })
    }
}

/// An endpoint with the beacon API, or somebody who archives blobs behind the same paths.
#[derive(Debug, Clone)]
pub struct BeaconBlobs {
    base: String,
    shown: String,
    client: reqwest::Client,
    genesis_s: u64,
    seconds_per_slot: u64,
}

#[derive(Debug, Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Debug, Deserialize)]
struct Genesis {
    genesis_time: String,
}

#[derive(Debug, Deserialize)]
struct Spec {
    #[serde(rename = "SECONDS_PER_SLOT")]
    seconds_per_slot: String,
}

#[derive(Debug, Deserialize)]
struct Sidecar {
    blob: Bytes,
}

impl BeaconBlobs {
    /// Asks an endpoint for the times of its chain.
    ///
    /// # Errors
    ///
    /// [`BlobError::Source`].
    pub async fn connect(url: &str) -> Result<Self, BlobError> {
        let wrong =
            |why: &str| BlobError::Source { source_name: url.to_owned(), why: why.to_owned() };
        let parsed: reqwest::Url = url.parse().map_err(|_| wrong("no address of an endpoint"))?;
        if !cfg!(feature = "tls") && parsed.scheme() != "http" {
            return Err(wrong("this build has no TLS (feature `tls`); write http://host:port"));
        }
        let mut beacon = Self {
            base: url.trim_end_matches('/').to_owned(),
            shown: parsed.origin().ascii_serialization(),
            client: reqwest::Client::new(),
            genesis_s: 0,
            seconds_per_slot: SECONDS_PER_SLOT,
        };
        let no_genesis = || beacon.failed("it has no /eth/v1/beacon/genesis");
        let genesis: Option<Answer<Genesis>> = beacon.get("/eth/v1/beacon/genesis").await?;
        let genesis = genesis.ok_or_else(no_genesis)?.data.genesis_time;
        let genesis_s = genesis.parse().map_err(|_| beacon.failed("its genesis has no time"))?;
        let spec: Option<Answer<Spec>> = beacon.get("/eth/v1/config/spec").await?;
        if let Some(spec) = spec {
            let seconds = spec.data.seconds_per_slot.parse().ok().filter(|seconds| *seconds > 0);
            beacon.seconds_per_slot =
                seconds.ok_or_else(|| beacon.failed("its slots have no time"))?;
        }
        beacon.genesis_s = genesis_s;
        Ok(beacon)
    }

    fn failed(&self, why: impl ToString) -> BlobError {
        BlobError::Source { source_name: self.shown.clone(), why: why.to_string() }
    }

    /// Returns what stands at a path; nothing when the endpoint knows of nothing there.
    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, BlobError> {
        let answer = timeout(PATIENCE, self.body(path)).await;
        let Some(body) = answer.map_err(|_| self.failed("no answer in time"))?? else {
            return Ok(None);
        };
        let read = serde_json::from_slice(&body);
        read.map(Some).map_err(|error| self.failed(format!("cannot read its answer: {error}")))
    }

    async fn body(&self, path: &str) -> Result<Option<Vec<u8>>, BlobError> {
        let lost = |error: reqwest::Error| self.failed(error.without_url());
        let request = self.client.get(format!("{}{path}", self.base));
        let mut answer = request.send().await.map_err(lost)?;
        match answer.status().as_u16() {
            200 => {}
            // Neither there nor at that path any more.
            404 | 405 | 410 | 501 => return Ok(None),
            status => return Err(self.failed(format!("HTTP status {status}"))),
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.failed("its answer is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    /// Returns the slot of an L1 block.
    fn slot_of(&self, posted: &Posted) -> Result<u64, BlobError> {
        let since = posted.block.unix_s.checked_sub(self.genesis_s);
        let since = since.ok_or_else(|| self.failed("the L1 block is older than its chain"))?;
        Ok(since / self.seconds_per_slot)
    }

    async fn all_of(&self, posted: &Posted) -> Result<Vec<Bytes>, BlobError> {
        let slot = self.slot_of(posted)?;
        let hashes = posted.blobs.iter().map(hex::encode_prefixed).collect::<Vec<_>>().join(",");
        let path = format!("/eth/v1/beacon/blobs/{slot}?versioned_hashes={hashes}");
        if let Some(Answer { data }) = self.get::<Answer<Vec<Bytes>>>(&path).await?
            && !data.is_empty()
        {
            return Ok(data);
        }
        let path = format!("/eth/v1/beacon/blob_sidecars/{slot}");
        let sidecars = self.get::<Answer<Vec<Sidecar>>>(&path).await?;
        let sidecars = sidecars.map_or_else(Vec::new, |answer| answer.data);
        Ok(sidecars.into_iter().map(|sidecar| sidecar.blob).collect())
    }
}

impl BlobSource for BeaconBlobs {
    fn blobs<'a>(&'a self, posted: &'a Posted) -> BlobFuture<'a> {
        Box::pin(async { pick(&self.shown, posted, self.all_of(posted).await?) })
    }
}
