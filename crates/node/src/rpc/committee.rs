//! What members of a committee in processes of their own say, and whoever solves an epoch in their place (P10, P17).
//!
//! Everything is public and bound to a key of the roster by its signature; nothing is checked on the engine's thread that
//! takes longer than a look. Signatures come before proofs, so that only members can make others check a proof.

use super::{
    Args, Call, Methods, Port, discover,
    errors::{RpcError, RpcResult},
    sealed::{closing_of, read_signature},
};
use crate::engine::{Announced, Closing, Engine};
use alloy_primitives::{Address, B256, Bytes, FixedBytes};
use jsonrpsee::{RpcModule, types::ErrorObjectOwned};
use serde_json::{Value, json};
use std::sync::Arc;
use weft_batch::Squared;
use weft_crypto::{MemberId, Secret, Setup, Share, ShareContext, units::ELEMENT_BYTES};
use weft_types::{Signature, SlotNumber};

pub(super) const METHODS: Methods = &[("weft_committee", committee)];

/// Epochs that a member may announce shares for, beyond the open one.
const AHEAD: u64 = 2;

type Answer = Result<Value, ErrorObjectOwned>;

/// Adds `weft_announceShare`, `weft_releaseSecret` and `weft_openEpoch`.
pub(super) fn register(module: &mut RpcModule<Port>) {
    let most = discover::most("weft_announceShare");
    module
        .register_async_method("weft_announceShare", move |params, port, _| async move {
            let args = Args::parse(params.as_str(), most)?;
            Answer::Ok(announce(&args, &port).await?)
        })
        .expect("method names are distinct");
    let most = discover::most("weft_releaseSecret");
    module
        .register_async_method("weft_releaseSecret", move |params, port, _| async move {
            let args = Args::parse(params.as_str(), most)?;
            Answer::Ok(release(&args, &port).await?)
        })
        .expect("method names are distinct");
    let most = discover::most("weft_openEpoch");
    module
        .register_async_method("weft_openEpoch", move |params, port, _| async move {
            let args = Args::parse(params.as_str(), most)?;
            Answer::Ok(open(&args, &port).await?)
        })
        .expect("method names are distinct");
}

/// Says what members need to know: the realm, who they are, what is to be announced and what is to be released.
fn committee(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let engine = &*call.engine;
    let config = engine.sealing_config()?.clone();
    let sealing = engine.sealing.as_ref().expect("the realm takes sealed items");
    let slot = engine.realm.slot().map_or(SlotNumber::new(1), |slot| slot.number);
    let current = config.epoch_of(slot);
    let lane = engine.lane_sealing();
    let coming = (current + 1..=current + AHEAD).map(|epoch| {
        let deadline = config.first_slot(epoch).get().saturating_sub(config.lead_slots);
        let announced: Vec<MemberId> = sealing.announced(epoch).map(|(member, _)| member).collect();
        json!({
            "epoch": epoch,
            "deadlineSlot": deadline,
            "announced": announced,
            "keyList": sealing.list(epoch).map(|list| list.key.list),
        })
    });
    let waiting = lane.waiting().filter(|(_, closed)| !closed.is_late).map(|(epoch, closed)| {
        json!({
            "epoch": epoch,
            "keyList": closed.epoch.key.list,
            "members": closed.epoch.key.members,
            "released": closed.released,
            "closingHead": closed.head,
            "closing": closing_of(engine, &closed.head),
        })
    });
    Ok(json!({
        "domain": engine.domain,
        "setup": Bytes::from(sealing.setup.encode()),
        "setupId": sealing.setup.id(),
        "delaySquarings": sealing.setup.delay_squarings(),
        "slotMs": engine.config.slot_ms,
        "epochSlots": config.epoch_slots,
        "leadSlots": config.lead_slots,
        "slot": slot,
        "epoch": current,
        "members": sealing.options.roster,
        "sequencer": engine.outbox.promises().map(|promises| promises.key()),
        "coming": coming.collect::<Vec<_>>(),
        "waiting": waiting.collect::<Vec<_>>(),
    }))
}

/// A share with everything that it is checked against.
struct Announcing {
    setup: Arc<Setup>,
    context: ShareContext,
    key: Address,
    share: Share,
    signature: Signature,
}

/// Takes a member's share of a coming epoch; answers what became of it.
async fn announce(args: &Args, port: &Port) -> RpcResult {
    let (epoch, member) = (args.required_number(0)?, member(args, 1)?);
    let (bytes, signature) = (args.bytes(2)?, signature(args, 3)?);
    let place = port.engine.call(move |engine| engine.announcing(epoch, member)).await??;
    let wrong = |error| RpcError::committee_refused("Share", error);
    let setup = place.setup.clone();
    // Points and elements of a group: nothing for a thread that others wait for.
    let share = tokio::task::spawn_blocking(move || Share::decode(&setup, &bytes)).await;
    let share = share.map_err(|_| RpcError::new(-32603, "method handler crashed"))?;
    let share = share.map_err(wrong)?;
    let context = ShareContext { domain: port.domain, epoch, member };
    let (setup, key) = (place.setup, place.key);
    let announcing = Announcing { setup, context, key, share, signature };
    let announced = match place.known {
        // What was checked before is not checked again.
        Some(known) if known.share == share => known,
        Some(known) => {
            // Only the member itself can contradict itself.
            announcing.check_signature()?;
            Announced { share, ..known }
        }
        None => announcing.check().await?,
    };
    let take = move |engine: &mut Engine| {
        engine.durably()?;
        engine.announce_share(epoch, member, announced)
    };
    port.engine.call(take).await??;
    match announced.verdict {
        Ok(()) => Ok(json!({ "epoch": epoch, "member": member, "verdict": "accepted" })),
        Err(why) => Err(RpcError::committee_refused("Share", why)),
    }
}

impl Announcing {
    /// Checks the signature, then the proof, apart from the engine.
    async fn check(self) -> RpcResult<Announced> {
        self.check_signature()?;
        let (share, signature) = (self.share, self.signature);
        let verify = move || self.share.verify(&self.setup, &self.context);
        let verdict = tokio::task::spawn_blocking(verify).await;
        let verdict = verdict.map_err(|_| RpcError::new(-32603, "method handler crashed"))?;
        Ok(Announced { share, signature, verdict })
    }
}

impl Announcing {
    fn check_signature(&self) -> RpcResult<()> {
        let digest = self.share.announcement_digest(&self.setup, &self.context);
        check_member(self.key, self.context.member, digest, &self.signature)
    }
}

/// Takes a member's secret of a closed epoch, signed for its closing head.
async fn release(args: &Args, port: &Port) -> RpcResult {
    let (epoch, member) = (args.required_number(0)?, member(args, 1)?);
    let (head, secret) = (args.hash(2)?, secret(args, 3)?);
    let signature = signature(args, 4)?;
    let asked = port.engine.call(move |engine| engine.releasing(epoch, member)).await??;
    let (closing, key) = asked;
    check_release(&closing, key, member, head, &secret, &signature)?;
    let take =
        move |engine: &mut Engine| engine.release_secret(epoch, member, head, secret, signature);
    port.engine.call(take).await??;
    Ok(json!({ "epoch": epoch, "member": member, "closingHead": head }))
}

/// P17: a secret counts only with its member's signature for the closing head that stands.
fn check_release(
    closing: &Closing,
    key: Address,
    member: MemberId,
    head: B256,
    secret: &Secret,
    signature: &Signature,
) -> RpcResult<()> {
    let (list, stands) = (&closing.list, closing.head);
    if head != stands {
        let why = format!("released for closing head {head}, the epoch closed with {stands}");
        return Err(RpcError::committee_refused("OtherHead", why));
    }
    let share = list.shares().get(&member).ok_or_else(|| {
        let why = format!("member {member} has no share in the key of epoch {}", list.epoch());
        RpcError::committee_refused("UnknownMember", why)
    })?;
    check_member(key, member, list.release_digest(member, &head), signature)?;
    if secret.public() == *share.point() {
        return Ok(());
    }
    tracing::warn!(epoch = list.epoch(), member, "a member released what is not its secret");
    let why = format!("not the secret of member {member}'s share of epoch {}", list.epoch());
    Err(RpcError::committee_refused("Secret", why))
}

/// Opens an epoch with the secret that somebody found by squaring, whoever it is.
async fn open(args: &Args, port: &Port) -> RpcResult {
    let (epoch, secret) = (args.required_number(0)?, secret(args, 1)?);
    let squared = squared(args)?;
    let closing = port.engine.call(move |engine| engine.closing(epoch)).await??;
    let list = closing.list.id();
    let check =
        move || check_opened(&closing, epoch, &secret, squared).map(|squared| (secret, squared));
    let checked = tokio::task::spawn_blocking(check).await;
    let (secret, squared) =
        checked.map_err(|_| RpcError::new(-32603, "method handler crashed"))??;
    port.engine.call(move |engine| engine.open_with(epoch, &secret, squared)).await??;
    Ok(json!({ "epoch": epoch, "keyList": list }))
}

/// Reads the end of the chain of squarings, and its proof.
fn squared(args: &Args) -> RpcResult<Option<Box<Squared>>> {
    if args.optional::<Value>(2)?.is_none() {
        return Ok(None);
    }
    let element = |index| {
        let bytes = args.bytes(index)?;
        let wrong =
            |_| RpcError::params(format!("invalid argument {index}: {} bytes", bytes.len()));
        FixedBytes::<ELEMENT_BYTES>::try_from(bytes.as_ref()).map_err(wrong)
    };
    Ok(Some(Box::new(Squared { value: element(2)?, proof: element(3)? })))
}

/// P17: where members are in processes of their own, who opens an epoch without their signatures shows that it squared.
fn check_opened(
    closing: &Closing,
    epoch: u64,
    secret: &Secret,
    squared: Option<Box<Squared>>,
) -> RpcResult<Option<Box<Squared>>> {
    let (list, setup) = (&closing.list, &closing.setup);
    let Some(secret) = list.fitting(secret) else {
        let why = format!("not the secret of epoch {epoch}");
        return Err(RpcError::committee_refused("Secret", why));
    };
    if !closing.is_shown {
        return Ok(None);
    }
    let proven = squared.filter(|squared| weft_derive::is_solved(setup, list, &secret, squared));
    let why = "a chain of squarings has to be shown: value and proof";
    proven.map(Some).ok_or_else(|| RpcError::committee_refused("Proof", why))
}

fn check_member(
    key: Address,
    member: MemberId,
    digest: B256,
    signature: &Signature,
) -> RpcResult<()> {
    if signature.signer(digest) == Some(key) {
        return Ok(());
    }
    let why = format!("the signature is not that of member {member}, {key}");
    Err(RpcError::committee_refused("Signature", why))
}

fn member(args: &Args, index: usize) -> RpcResult<MemberId> {
    let number = args.required_number(index)?;
    let wrong = |_| RpcError::params(format!("invalid argument {index}: no member has {number}"));
    MemberId::try_from(number).map_err(wrong)
}

fn secret(args: &Args, index: usize) -> RpcResult<Secret> {
    let bytes = args.hash(index)?;
    // The bytes are not in the error: they may be a secret of something else.
    let wrong = || RpcError::params(format!("invalid argument {index}: not a secret"));
    Secret::from_bytes(&bytes.0).ok_or_else(wrong)
}

fn signature(args: &Args, index: usize) -> RpcResult<Signature> {
    let bytes = read_signature(&args.bytes(index)?)?;
    let wrong = || RpcError::committee_refused("Signature", "the signature is of no key");
    Signature::from_bytes(&bytes).ok_or_else(wrong)
}
