//! Words about an epoch's key.

use super::same;
use crate::{
    conviction::{Convicted, Conviction, Fault, Subject},
    error::NotEvidence,
    notice::{EpochNotice, Notice, Release, ShareNotice, Signed},
    registry::Registry,
};
use alloy_primitives::Address;
use weft_crypto::{MemberId, Secret};
use weft_types::Domain;

/// Two keys of one epoch. An honest sequencer names one.
pub(super) fn notices(
    domain: &Domain,
    registry: &Registry,
    pair: &[Signed<EpochNotice>; 2],
) -> Result<Conviction, NotEvidence> {
    let key = registry.sequencer(one_signer(domain, pair)?)?;
    let [one, other] = pair.map(|signed| signed.notice);
    if one.epoch != other.epoch {
        return Err(NotEvidence::Unrelated("keys of two epochs"));
    }
    let convicted = Convicted::Sequencer(key);
    let subject = Subject::Epoch(one.epoch);
    convict_if(one != other, Conviction { convicted, fault: Fault::KeyListEquivocation, subject })
}

/// Two shares of one member. An honest member deals one for each epoch.
pub(super) fn shares(
    domain: &Domain,
    registry: &Registry,
    pair: &[Signed<ShareNotice>; 2],
) -> Result<Conviction, NotEvidence> {
    let signer = one_signer(domain, pair)?;
    let [one, other] = pair.map(|signed| signed.notice);
    if (one.setup, one.epoch, one.member) != (other.setup, other.epoch, other.member) {
        return Err(NotEvidence::Unrelated("shares of two members, epochs or setups"));
    }
    let convicted = member(registry, one.member, signer)?;
    let subject = Subject::Epoch(one.epoch);
    convict_if(one != other, Conviction { convicted, fault: Fault::ShareEquivocation, subject })
}

/// P17: the secret of a share, while nobody but the member can know it.
///
/// The point is the member's own word, else anybody could publish a point of a known secret under its name; and that the
/// epoch is open is a fact, because no signature shows a time.
pub(super) fn leak(
    domain: &Domain,
    registry: &Registry,
    notice: &Signed<ShareNotice>,
    secret: &[u8; 32],
) -> Result<Conviction, NotEvidence> {
    let signer = notice.signer(domain).ok_or(NotEvidence::Signature)?;
    let ShareNotice { epoch, member: number, .. } = notice.notice;
    let convicted = member(registry, number, signer)?;
    let known = Secret::from_bytes(secret).map(|secret| secret.public());
    if known.is_none() || known != notice.notice.point() {
        return Err(NotEvidence::NotShown("that the secret is the share's"));
    }
    if !registry.open_epochs.contains(&epoch) {
        return Err(NotEvidence::FactMissing("that the epoch is open"));
    }
    let subject = Subject::Epoch(epoch);
    Ok(Conviction { convicted, fault: Fault::EarlyLeak, subject })
}

/// P17: two closing heads. An honest member releases once.
pub(super) fn releases(
    domain: &Domain,
    registry: &Registry,
    pair: &[Signed<Release>; 2],
) -> Result<Conviction, NotEvidence> {
    let signer = one_signer(domain, pair)?;
    let [one, other] = pair.map(|signed| signed.notice);
    if (one.list, one.member) != (other.list, other.member) {
        return Err(NotEvidence::Unrelated("releases of two members or key lists"));
    }
    let convicted = member(registry, one.member, signer)?;
    let subject = Subject::KeyList(one.list);
    convict_if(one != other, Conviction { convicted, fault: Fault::ReleaseEquivocation, subject })
}

/// Returns the key that signed both.
fn one_signer<T: Notice>(domain: &Domain, pair: &[Signed<T>; 2]) -> Result<Address, NotEvidence> {
    let [one, other] = pair.each_ref().map(|signed| signed.signer(domain));
    same(one.ok_or(NotEvidence::Signature)?, other.ok_or(NotEvidence::Signature)?)
}

fn member(registry: &Registry, member: MemberId, key: Address) -> Result<Convicted, NotEvidence> {
    registry.member(member, key)?;
    Ok(Convicted::Member { member, key })
}

fn convict_if(broken: bool, conviction: Conviction) -> Result<Conviction, NotEvidence> {
    if broken { Ok(conviction) } else { Err(NotEvidence::Consistent) }
}
