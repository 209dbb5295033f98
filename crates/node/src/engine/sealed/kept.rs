//! What outlives a stop beside the log: the state of all epochs as bytes, and the seed of the committee.

use super::{super::Engine, List, Released, Sealing};
use crate::error::NodeError;
use alloy_primitives::{B256, Bytes};
use rand_08::RngCore as _;
use std::{
    collections::BTreeMap, fs, io, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path,
    sync::Arc,
};
use weft_crypto::{Envelope, Release, curve::Secret};
use weft_types::codec::{CodecError, Decode, Reader, Writer};

/// Name of the file with the seed, in the data directory.
const SEED: &str = "committee.seed";
/// Most bytes of envelopes that are kept with every slot; while there is more, the log alone has it for as long as little else waits.
const MAX_BYTES: usize = 1 << 20;
/// Most epochs, releases or envelopes of one kept state.
const MAX_LIST: usize = 1 << 16;

/// All epochs between two slots, as the database keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Kept(pub(crate) Vec<u8>);

impl Engine {
    /// Returns the epochs for the database; `None` while writing them costs more than leaving all to the log.
    pub(in super::super) fn kept_epochs(&self) -> Option<Option<Kept>> {
        let Some(sealing) = &self.sealing else { return Some(None) };
        let waiting = sealing.envelopes.values().flat_map(|envelopes| envelopes.iter());
        let bytes: usize = waiting.map(|envelope| envelope.body.len()).sum();
        if !is_worth_keeping(bytes, self.news_bytes()) {
            return None;
        }
        let mut out = Writer::default();
        out.put(self.lane.sealing());
        sealing.write_to(&mut out);
        Some(Some(Kept(out.finish())))
    }

    /// Takes up the epochs that the database kept.
    pub(in super::super) fn resume_epochs(&mut self, kept: &Kept) -> Result<(), CodecError> {
        let mut input = Reader::new(&kept.0);
        let epochs: weft_lane::Sealing = input.get()?;
        let sealing = self.sealing.as_mut().ok_or(CodecError::NotCanonical("no sealing"))?;
        sealing.read_from(&mut input)?;
        input.finish()?;
        self.lane = self.lane.clone().with_sealing(epochs);
        Ok(())
    }
}

/// Returns true when the waiting envelopes are to be written once more. They are written whole each time, so many of them only with
/// as much else: what waits for the database must not grow for as long as an epoch is shut.
const fn is_worth_keeping(envelopes: usize, news: usize) -> bool {
    envelopes <= MAX_BYTES || news >= envelopes
}

impl Sealing {
    fn write_to(&self, out: &mut Writer) {
        out.len(self.lists.len());
        for list in self.lists.values() {
            out.put(&list.key).bytes(&list.bytes);
        }
        out.len(self.envelopes.len());
        for (epoch, envelopes) in &self.envelopes {
            out.u64(*epoch).list(envelopes);
        }
        let releases = self.releases.iter();
        let releases: Vec<_> =
            releases.flat_map(|(epoch, all)| all.iter().map(move |one| (*epoch, one))).collect();
        out.len(releases.len());
        for (epoch, release) in releases {
            let Released { release, signature } = release;
            out.u64(epoch).u32(release.member).raw(&release.secret.to_bytes());
            out.bool(signature.is_some());
            signature.iter().for_each(|signature| {
                out.put(signature);
            });
        }
    }

    fn read_from(&mut self, input: &mut Reader<'_>) -> Result<(), CodecError> {
        for _ in 0..input.bounded_len(MAX_LIST)? {
            let list = List { key: input.get()?, bytes: input.bytes()?, read: None };
            self.lists.insert(list.key.epoch, list);
        }
        let mut envelopes = BTreeMap::new();
        for _ in 0..input.bounded_len(MAX_LIST)? {
            let epoch = input.u64()?;
            envelopes.insert(epoch, Arc::new(input.bounded_list::<Envelope>(MAX_LIST)?));
        }
        self.envelopes = envelopes;
        for _ in 0..input.bounded_len(MAX_LIST)? {
            let (epoch, member) = (input.u64()?, input.u32()?);
            let secret = read_secret(input)?;
            let release = Release { member, received_unix_ms: 0, secret };
            let signature = if input.bool()? { Some(input.get()?) } else { None };
            let released = Released { release, signature };
            self.releases.entry(epoch).or_default().push(released);
        }
        Ok(())
    }
}

/// Reads 32 bytes that are a secret.
pub(crate) fn read_secret(input: &mut Reader<'_>) -> Result<Secret, CodecError> {
    let bytes: B256 = input.hash()?;
    Secret::from_bytes(&bytes.0).ok_or(CodecError::NotCanonical("not a secret"))
}

/// Returns the seed of the committee: the one of the data directory, made with it, or a new one.
pub(super) fn seed(dir: Option<&Path>) -> Result<B256, NodeError> {
    let Some(dir) = dir else { return Ok(fresh()) };
    let path = dir.join(SEED);
    let failed = |source| NodeError::DataDir { path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => B256::try_from(bytes.as_slice())
            .map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidData, "not 32 bytes"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let seed = fresh();
            write_whole(dir, &path, &seed).map_err(failed)?;
            Ok(seed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Writes the seed under another name first: a file with the right name is whole, whenever the machine stops.
fn write_whole(dir: &Path, path: &Path, seed: &B256) -> io::Result<()> {
    let part = path.with_extension("part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        // What a stop left behind was never used.
        Ok(()) | Err(_) => {}
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(seed.as_slice())?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    // The name has to last as long as what is sealed under it.
    fs::File::open(dir)?.sync_all()
}

fn fresh() -> B256 {
    let mut seed = B256::ZERO;
    rand_08::rngs::OsRng.fill_bytes(&mut seed.0);
    seed
}

/// The bytes of a key list, in a record.
pub(crate) fn put_list(out: &mut Writer, key: &weft_lane::KeyAnnouncement, bytes: &Bytes) {
    out.put(key).bytes(bytes);
}

/// Reads what [`put_list`] wrote.
pub(crate) fn read_list(
    input: &mut Reader<'_>,
) -> Result<(weft_lane::KeyAnnouncement, Bytes), CodecError> {
    Ok((weft_lane::KeyAnnouncement::decode_from(input)?, input.bytes()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn many_envelopes_are_kept_as_soon_as_as_much_waits_beside_them() {
        assert!(is_worth_keeping(MAX_BYTES, 0));
        assert!(!is_worth_keeping(MAX_BYTES + 1, 0));
        // The most that an epoch may hold is written long before a node takes nothing any more.
        let most = 64 << 20;
        assert!(!is_worth_keeping(most, most - 1) && is_worth_keeping(most, most));
    }

    #[test]
    fn a_stop_while_the_seed_is_written_costs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        // What a stop in the middle leaves.
        fs::write(dir.path().join("committee.part"), [1; 7]).unwrap();
        let made = seed(Some(dir.path())).unwrap();
        assert_eq!(seed(Some(dir.path())).unwrap(), made);
        assert!(!dir.path().join("committee.part").exists());
        let mode = fs::metadata(dir.path().join(SEED)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(dir.path().join(SEED), [1; 7]).unwrap();
        assert!(seed(Some(dir.path())).is_err(), "damage is not written over");
    }
}
