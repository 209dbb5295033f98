//! What outlives a stop beside the log: the state of all epochs as bytes, and the seed of the committee.

use super::{super::Engine, List, Released, Sealing};
use crate::{error::NodeError, sealing::Known};
use alloy_primitives::{B256, Bytes};
use rand_08::RngCore as _;
use std::{
    collections::BTreeMap, fs, io, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path,
    sync::Arc,
};
use weft_crypto::{Carriage, Envelope, Release, curve::Secret};
use weft_types::codec::{CodecError, Decode, Reader, Writer};

/// Name of the file with the seeds, in the data directory: the last one is dealt from.
const SEED: &str = "committee.seed";
/// Most bytes of envelopes that are kept with every slot; while there is more, the log alone has it for as long as little else waits.
const MAX_BYTES: usize = 1 << 20;
/// Most epochs, releases or envelopes of one kept state.
const MAX_LIST: usize = 1 << 16;
/// Most envelopes of which the name is known alone, of all epochs that wait.
const MAX_NAMED: usize = 1 << 20;
/// Most seeds: one for each time that the realm went on from L1, as long as an epoch of it may be open.
const MAX_SEEDS: usize = 16;

/// All epochs between two slots, as the database keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Kept(pub(crate) Vec<u8>);

impl Engine {
    /// Returns the epochs for the database; `None` while writing them costs more than leaving all to the log.
    pub(in super::super) fn kept_epochs(&self) -> Option<Option<Kept>> {
        let Some(sealing) = &self.sealing else { return Some(None) };
        let waiting = sealing.envelopes.values().flat_map(|envelopes| envelopes.iter());
        let whole = waiting.filter_map(Known::whole);
        let bytes: usize = whole.map(|envelope| envelope.body.len()).sum();
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
            let whole: Vec<_> = envelopes.iter().filter_map(Known::whole).collect();
            out.u64(*epoch).len(whole.len());
            whole.into_iter().for_each(|envelope| {
                out.put(envelope);
            });
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
        self.write_what_l1_says(out);
    }

    /// Appends what there is in a realm alone that went on from L1.
    fn write_what_l1_says(&self, out: &mut Writer) {
        let numbered = |(epoch, all): (&u64, &Arc<Vec<Known>>)| {
            let named = (0_u32..).zip(all.iter()).filter(|(_, known)| known.whole().is_none());
            named.map(|(index, known)| (*epoch, index, *known.carriage())).collect::<Vec<_>>()
        };
        let named: Vec<_> = self.envelopes.iter().flat_map(numbered).collect();
        if named.is_empty() && self.void_keys == 0 {
            return;
        }
        out.u64(self.void_keys).len(named.len());
        for (epoch, index, carriage) in named {
            out.u64(epoch).u32(index).put(&carriage);
        }
    }

    fn read_what_l1_says(&mut self, input: &mut Reader<'_>) -> Result<(), CodecError> {
        self.void_keys = input.u64()?;
        for _ in 0..input.bounded_len(MAX_NAMED)? {
            let (epoch, index, carriage) = (input.u64()?, input.u32()?, input.get::<Carriage>()?);
            let all = Arc::make_mut(self.envelopes.entry(epoch).or_default());
            if index as usize > all.len() {
                return Err(CodecError::NotCanonical("an envelope whose place is not there"));
            }
            all.insert(index as usize, Known::Named(carriage));
        }
        Ok(())
    }

    fn read_from(&mut self, input: &mut Reader<'_>) -> Result<(), CodecError> {
        for _ in 0..input.bounded_len(MAX_LIST)? {
            let list = List { key: input.get()?, bytes: input.bytes()?, read: None };
            self.lists.insert(list.key.epoch, list);
        }
        let mut envelopes = BTreeMap::new();
        for _ in 0..input.bounded_len(MAX_LIST)? {
            let epoch = input.u64()?;
            let whole = input.bounded_list::<Envelope>(MAX_LIST)?.into_iter();
            envelopes.insert(epoch, Arc::new(whole.map(Known::Whole).collect()));
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
        if input.is_empty() { Ok(()) } else { self.read_what_l1_says(input) }
    }
}

/// Reads 32 bytes that are a secret.
pub(crate) fn read_secret(input: &mut Reader<'_>) -> Result<Secret, CodecError> {
    let bytes: B256 = input.hash()?;
    Secret::from_bytes(&bytes.0).ok_or(CodecError::NotCanonical("not a secret"))
}

/// Returns the seeds of the committee, the one to deal from last: those of the data directory, made with it, or a new one.
pub(super) fn seeds(dir: Option<&Path>) -> Result<Vec<B256>, NodeError> {
    let Some(dir) = dir else { return Ok(vec![fresh()]) };
    let known = read_seeds(dir)?;
    if !known.is_empty() {
        return Ok(known);
    }
    write_seeds(dir, &[fresh()])?;
    read_seeds(dir)
}

/// Lets the committee of a data directory deal from a new seed: epochs are numbered again in a realm that goes on from L1, and
/// what was dealt for one of these numbers may have been released.
pub(crate) fn renew_seed(dir: &Path) -> Result<(), NodeError> {
    let mut all = read_seeds(dir)?;
    if all.is_empty() {
        return Ok(());
    }
    all.push(fresh());
    let first = all.len().saturating_sub(MAX_SEEDS);
    write_seeds(dir, &all[first..])
}

/// Returns the seeds of a data directory; none when it has no committee.
fn read_seeds(dir: &Path) -> Result<Vec<B256>, NodeError> {
    let path = dir.join(SEED);
    let failed = |source| NodeError::DataDir { path: path.clone(), source };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let (seeds, rest) = bytes.as_chunks::<32>();
    if seeds.is_empty() || !rest.is_empty() || seeds.len() > MAX_SEEDS {
        let what = "not some times 32 bytes";
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, what)));
    }
    Ok(seeds.iter().copied().map(B256::new).collect())
}

fn write_seeds(dir: &Path, seeds: &[B256]) -> Result<(), NodeError> {
    let path = dir.join(SEED);
    let written = write_whole(dir, &path, seeds);
    written.map_err(|source| NodeError::DataDir { path, source })
}

/// Writes the seed under another name first: a file with the right name is whole, whenever the machine stops.
fn write_whole(dir: &Path, path: &Path, seeds: &[B256]) -> io::Result<()> {
    let part = path.with_extension("part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        // What a stop left behind was never used.
        Ok(()) | Err(_) => {}
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&part)?;
    seeds.iter().try_for_each(|seed| file.write_all(seed.as_slice()))?;
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
    use crate::SealingOptions;
    use alloy_primitives::Address;
    use std::os::unix::fs::PermissionsExt as _;
    use weft_crypto::{GasBucket, SizeBucket};
    use weft_types::{Domain, NetworkId, SlotNumber};

    #[test]
    fn many_envelopes_are_kept_as_soon_as_as_much_waits_beside_them() {
        assert!(is_worth_keeping(MAX_BYTES, 0));
        assert!(!is_worth_keeping(MAX_BYTES + 1, 0));
        // The most that an epoch may hold is written long before a node takes nothing any more.
        let most = 64 << 20;
        assert!(!is_worth_keeping(most, most - 1) && is_worth_keeping(most, most));
    }

    #[test]
    fn p17_the_names_of_all_epochs_that_wait_are_read_again() {
        let sealing = || Sealing::new(SealingOptions::default(), Domain::dev()).unwrap();
        let carriage = |epoch| Carriage {
            payer: Address::ZERO,
            deposit: NetworkId::new(901),
            rollup: None,
            epoch,
            valid_until: SlotNumber::new(1),
            size: SizeBucket::for_len(1).unwrap(),
            gas: GasBucket::new(1).unwrap(),
            max_fee_wei: 1,
        };
        let mut full = sealing();
        // As many epochs as may wait, and those beside them, with as much as each may have.
        for epoch in 1..=67 {
            full.envelopes.insert(epoch, Arc::new(vec![Known::Named(carriage(epoch)); 1_024]));
        }
        let mut out = Writer::default();
        full.write_what_l1_says(&mut out);
        let (bytes, mut again) = (out.finish(), sealing());
        again.read_what_l1_says(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(again.envelopes.len(), 67);
        assert!(again.envelopes.values().all(|known| known.len() == 1_024));
    }

    #[test]
    fn a_stop_while_the_seed_is_written_costs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        // What a stop in the middle leaves.
        fs::write(dir.path().join("committee.part"), [1; 7]).unwrap();
        let made = seeds(Some(dir.path())).unwrap();
        assert_eq!(seeds(Some(dir.path())).unwrap(), made);
        assert!(!dir.path().join("committee.part").exists());
        let mode = fs::metadata(dir.path().join(SEED)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(dir.path().join(SEED), [1; 7]).unwrap();
        assert!(seeds(Some(dir.path())).is_err(), "damage is not written over");
        assert!(renew_seed(dir.path()).is_err());
    }

    #[test]
    fn a_new_seed_comes_behind_those_of_epochs_that_are_open() {
        let dir = tempfile::tempdir().unwrap();
        renew_seed(dir.path()).unwrap();
        assert!(!dir.path().join(SEED).exists(), "members elsewhere have their own");
        let first = seeds(Some(dir.path())).unwrap();
        for count in 2..=MAX_SEEDS {
            renew_seed(dir.path()).unwrap();
            let all = seeds(Some(dir.path())).unwrap();
            assert_eq!((all.len(), all[0]), (count, first[0]));
            assert!(!all[..count - 1].contains(&all[count - 1]));
        }
        let before = seeds(Some(dir.path())).unwrap();
        renew_seed(dir.path()).unwrap();
        let after = seeds(Some(dir.path())).unwrap();
        assert_eq!(after[..MAX_SEEDS - 1], before[1..]);
    }
}
