//! Threads and heads by an independent slow path: a stack of thread values instead of marks (P22, P23, P27).

use super::{Verdict, agree, require};
use crate::history::ItemLog;
use alloy_primitives::{B256, Keccak256, keccak256};
use std::collections::{BTreeMap, BTreeSet};
use weft_thread::{ChainView, Heads, HistoryError, check_history};
use weft_types::{Domain, Hop, HopBody, NetworkId, Outcome, Position, Status, Writer};

const THREAD: &str = "thread";
const HEADS: &str = "heads";
const HISTORY: &str = "history";

/// Follows threads, heads and views through a history.
#[derive(Debug)]
pub(crate) struct Threads {
    domain: Domain,
    heads: BTreeMap<(NetworkId, NetworkId), B256>,
    views: BTreeMap<NetworkId, ChainView>,
}

impl Threads {
    pub(crate) const fn new(domain: Domain) -> Self {
        Self { domain, heads: BTreeMap::new(), views: BTreeMap::new() }
    }

    /// Takes one item in.
    pub(crate) fn item(&mut self, log: &ItemLog) -> Verdict {
        let item = log.planned.item.hash(&self.domain);
        let hops = &log.applied.hops;
        require(hops.windows(2).all(|pair| pair[0].place < pair[1].place), THREAD, || {
            format!("places at {} do not increase", log.position)
        })?;
        for leg in hops.chunk_by(|one, other| one.place.leg == other.place.leg) {
            let start = self.thread_start(log.position, leg[0].place.leg, &item);
            check_leg(log.position, leg, start)?;
        }
        if log.applied.outcome == Outcome::Included {
            self.take(hops);
        }
        Ok(())
    }

    /// Moves every mailbox once: `keccak(head || hash of each hop of the item)`.
    fn take(&mut self, hops: &[Hop]) {
        let pairs: BTreeSet<_> = hops.iter().map(|hop| (hop.from, hop.to)).collect();
        for (from, to) in pairs {
            let empty = tagged(&self.domain, 7, |out| out.put(&from).put(&to));
            let old = self.heads.get(&(from, to)).copied().unwrap_or(empty);
            let mut preimage = old.to_vec();
            for hop in hops.iter().filter(|hop| (hop.from, hop.to) == (from, to)) {
                preimage.extend_from_slice(hop.hash().as_slice());
            }
            self.heads.insert((from, to), keccak256(preimage));
        }
        for hop in hops {
            self.views.entry(hop.from).or_default().sent.push(hop.clone());
            self.views.entry(hop.to).or_default().received.push(hop.clone());
        }
    }

    fn thread_start(&self, position: Position, leg: u16, item: &B256) -> B256 {
        tagged(&self.domain, 6, |out| out.put(&position).u16(leg).hash(item))
    }

    /// Compares with the heads that the realm keeps.
    pub(crate) fn heads(&self, heads: &Heads) -> Verdict {
        let declared: BTreeMap<_, _> = heads.iter().collect();
        agree(HEADS, || "mailbox heads".into(), &declared, &self.heads)
    }

    /// Checks that the chains' views are projections of one history, and that a history with two received hops
    /// swapped is refused (T4).
    pub(crate) fn history(&mut self) -> Verdict {
        let verdict = check_history(&self.views);
        require(verdict.is_ok(), HISTORY, || format!("{verdict:?}"))?;
        let two = self.views.iter().find(|(_, view)| view.received.len() > 1);
        let Some(network) = two.map(|(network, _)| *network) else { return Ok(()) };
        let view = self.views.get_mut(&network).expect("just found");
        view.received.swap(0, 1);
        let verdict = check_history(&self.views);
        let refused = matches!(verdict, Err(HistoryError::NotMonotone { .. }));
        require(refused, HISTORY, || format!("swapped hops of {network} pass: {verdict:?}"))?;
        self.views.get_mut(&network).expect("just found").received.swap(0, 1);
        Ok(())
    }
}

/// One call that has not returned.
struct Open {
    caller: NetworkId,
    callee: NetworkId,
    is_static: bool,
    /// Thread before the call.
    before: B256,
}

fn check_leg(position: Position, hops: &[Hop], start: B256) -> Verdict {
    let mut current = start;
    let mut stack: Vec<Open> = Vec::new();
    let mut index = 0;
    while index < hops.len() {
        let hop = &hops[index];
        let at = || format!("hop {}", hop.place);
        agree(THREAD, at, &(hop.place.position, hop.place.k), &(position, index as u32))?;
        match &hop.body {
            HopBody::Call(call) => {
                agree(THREAD, at, &hop.thread, &current)?;
                let (caller, callee, is_static) = (hop.from, hop.to, call.is_static);
                let under = stack.last().is_some_and(|open| open.is_static && !is_static);
                require(!under, THREAD, || format!("{} leaves a static context", at()))?;
                stack.push(Open { caller, callee, is_static, before: current });
                if !is_static {
                    current = hop.hash();
                }
            }
            HopBody::Return(ret) => {
                let open = stack.pop();
                let fits = open.as_ref().is_some_and(|open| {
                    (open.callee, open.caller, open.is_static) == (hop.from, hop.to, ret.is_static)
                });
                require(fits, THREAD, || format!("{} returns to nothing", at()))?;
                if ret.status != Status::Ok {
                    current = open.expect("just seen").before;
                }
                agree(THREAD, at, &hop.thread, &current)?;
                if ret.status == Status::Ok && !ret.is_static {
                    current = hop.hash();
                }
            }
            HopBody::Rollback { .. } => {
                let same = |other: &&Hop| is_rollback(other) && other.from == hop.from;
                let before = hops[..index].iter().rev().take_while(same);
                let run = before.chain(hops[index..].iter().take_while(same));
                current = rolled_back(hops, hop, run)?;
            }
            HopBody::Verdict(_) => agree(THREAD, at, &hop.thread, &start)?,
        }
        index += 1;
    }
    require(stack.is_empty(), THREAD, || format!("{} calls never return", stack.len()))
}

const fn is_rollback(hop: &Hop) -> bool {
    matches!(hop.body, HopBody::Rollback { .. })
}

/// Returns the thread after a rollback: the one before the first hop that its frame made, which is the first hop
/// undone by one of the rollbacks that the frame sends.
fn rolled_back<'a>(
    hops: &[Hop],
    hop: &Hop,
    run: impl Iterator<Item = &'a Hop>,
) -> Result<B256, super::Violation> {
    let HopBody::Rollback { to_hop: own } = hop.body else { unreachable!("asked for rollbacks") };
    let before = |to_hop: u32| hops.get(to_hop as usize).map(|undone| undone.thread);
    let first = hops.get(own as usize);
    let addressed = first.is_some_and(|undone| {
        undone.to == hop.to && undone.place < hop.place && matches!(undone.body, HopBody::Call(_))
    });
    require(addressed, THREAD, || {
        format!("rollback {} to hop {own}, which is no call to {}", hop.place, hop.to)
    })?;
    let fits = run
        .filter_map(|next| match next.body {
            HopBody::Rollback { to_hop } if to_hop <= own => before(to_hop),
            _ => None,
        })
        .any(|thread| thread == hop.thread);
    require(fits, THREAD, || format!("rollback {} restores another thread", hop.place))?;
    Ok(hop.thread)
}

/// The domain-separated hash, from its definition in the protocol (P1).
fn tagged(domain: &Domain, tag: u8, write: impl FnOnce(&mut Writer) -> &mut Writer) -> B256 {
    let mut body = Writer::default();
    write(&mut body);
    let mut hasher = Keccak256::new();
    hasher.update(b"weft");
    hasher.update([tag]);
    hasher.update(domain.version.to_be_bytes());
    hasher.update(domain.l1_chain_id.to_be_bytes());
    hasher.update(domain.settlement);
    hasher.update(domain.realm.to_be_bytes());
    hasher.update(body.as_slice());
    hasher.finalize()
}
