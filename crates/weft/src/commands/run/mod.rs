//! Running a node from its start to its last signal: the one path of `weft dev` and `weft node`.

mod along;
pub(super) mod banner;
mod follow;
mod l1;
mod signals;

use l1::Superseded;
pub(super) use l1::{L1Place, feed, ours};
pub(super) use signals::Signals;

use super::{own_l1::OwnL1, resume::resume};
use crate::{log, progress, say::say};
use eyre::{Result, WrapErr, eyre};
use serde_json::json;
use std::{
    io::IsTerminal as _,
    process::ExitCode,
    time::{Duration, Instant},
};
use weft_node::{DevConfig, Node, NodeError, NodeHandle, SigningKey};

/// What a node tells about itself beside its log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Show {
    /// Whether it prints a banner and says when it stopped.
    pub(super) is_dev: bool,
    /// Whether it prints a line per block.
    pub(super) blocks: bool,
    /// Whether these are JSON.
    pub(super) json: bool,
    /// Whether the key that signs promises is public.
    pub(super) is_public: bool,
    /// Why a development node has no L1 of its own, when nobody asked for that.
    pub(super) no_l1: Option<&'static str>,
}

/// Runs a node until a signal or the admin port asks for the end. Where L1 goes on without what it ordered, it goes on from L1.
pub(super) async fn run(
    mut config: DevConfig,
    mut l1: Option<L1Place>,
    own: Option<OwnL1>,
    log: log::Control,
    show: Show,
) -> Result<ExitCode> {
    if config.follows {
        let mut signals = Signals::listen()?;
        let config = tokio::select! {
            name = signals.wait() => return Err(eyre!("ended by {name} before the realm was found")),
            completed = along::completed(&config, l1.as_ref()) => completed?,
        };
        drop(signals);
        l1.as_mut().map(|place| place.goes_ahead(&config)).transpose()?;
        return once(config, l1, None, log, show).await;
    }
    let Some(place) = l1.clone().filter(|_| own.is_none()) else {
        return once(config, l1, own, log, show).await;
    };
    loop {
        let ended = once(config.clone(), l1.clone(), None, log.clone(), show).await;
        let Err(error) = ended else { return ended };
        let Some(why) = error.downcast_ref::<Superseded>() else { return Err(error) };
        tracing::warn!(%why, "the realm goes on from L1");
        let mut signals = Signals::listen()?;
        tokio::select! {
            name = signals.wait() => return Err(error).wrap_err(format!("ended by {name}")),
            done = resume(&place.settings, None, &config) => done?,
        }
        keep_quiet(&mut config);
    }
}

/// Lets a key sign nothing for slots for which it may have signed: they are numbered again.
const fn keep_quiet(config: &mut DevConfig) {
    if let Some(SigningKey::Keystore { guard, .. } | SigningKey::Program { guard, .. }) =
        &mut config.promise_key
    {
        guard.is_restored = true;
    }
}

/// Starts a node, runs it until a signal or the admin port asks for the end, and stops it cleanly. An L1 that replaced what
/// this node rests on ends it too.
async fn once(
    mut config: DevConfig,
    l1: Option<L1Place>,
    own: Option<OwnL1>,
    log: log::Control,
    show: Show,
) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    if let Some(admin) = &mut config.admin {
        admin.log = Some(weft_node::LogControl::new(move |level| log.set(level)));
    }
    // The first line of a development node in JSON is its banner.
    let may_tell = !show.is_dev || std::io::stderr().is_terminal();
    config.progress = may_tell.then(progress::of_recovery);
    let (slot_ms, apart) = (config.slot_ms, config.executors.clone());
    let sealing = config.sealing.clone();
    let dumped = config.dump_state.clone();
    let node = start_unless(&mut signals, config).await?;
    // Blocks may close before the banner is out; it comes first nevertheless.
    let followers = if show.blocks { follow::subscribe(&node).await? } else { Vec::new() };
    if show.is_dev && show.json {
        let own = own.as_ref();
        let mut said = banner::json(&node, slot_ms, &apart, show.is_public, sealing.as_ref(), own);
        said["noL1"] = json!(show.no_l1);
        say(said);
    } else if show.is_dev {
        let own = own.as_ref();
        let text = banner::text(&node, slot_ms, &apart, show.is_public, sealing.as_ref(), own);
        say(text.trim_end_matches('\n'));
        if let Some(why) = show.no_l1 {
            say(format_args!("No L1: {why}."));
        }
    } else {
        tell_started(&node);
    }
    let printing = follow::print_all(followers, show.json);
    let mut broken = None;
    let asked = tokio::select! {
        name = signals.wait() => name,
        () = node.end_asked() => "admin",
        () = node.ended() => "engine",
        error = fed(&node, l1, own.as_ref(), &show) => {
            broken = Some(error);
            "l1"
        }
    };
    if !show.is_dev {
        tracing::info!(by = asked, "stopping: nothing is accepted any more, the slot is ended");
    }
    // Whoever asks twice does not want to wait; what was answered is on disk. Some send one signal to the process and the same to its group.
    let asked_at = Instant::now();
    let abort = tokio::spawn(async move {
        let mut again = signals.wait().await;
        while again == asked && asked_at.elapsed() < AT_ONCE {
            again = signals.wait().await;
        }
        tracing::warn!(by = again, "aborted");
        std::process::exit(ABORTED)
    });
    drop(printing);
    let stopped = node.stop().await;
    abort.abort();
    if let Some(error) = broken {
        return Err(error).wrap_err("L1 cannot be followed any further");
    }
    stopped.wrap_err("the node did not stop cleanly")?;
    match dumped {
        _ if !show.is_dev => tracing::info!("stopped"),
        Some(file) if show.json => say(json!({"event": "stopped", "state": file})),
        Some(file) => say(format_args!("\nstopped; state of all rollups is in {}", file.display())),
        None if show.json => say(json!({"event": "stopped"})),
        None => say(format_args!("\nstopped")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Feeds the node from an L1 of its own, or the one that it is on.
async fn fed(
    node: &NodeHandle,
    l1: Option<L1Place>,
    own: Option<&OwnL1>,
    show: &Show,
) -> eyre::Report {
    match own {
        Some(own) => own.serve(node.engine(), show.json, !show.blocks).await,
        None => feed(node.engine(), l1).await,
    }
}

/// Time in which the same signal is the first one still.
const AT_ONCE: Duration = Duration::from_millis(500);
/// Exit code of a node that a second signal ended.
const ABORTED: i32 = 130;

/// Starts a node, unless a signal comes first: to repeat a long log or to square for a setup takes minutes, and may be ended
/// at any moment.
async fn start_unless(signals: &mut Signals, config: DevConfig) -> Result<NodeHandle> {
    let runtime = tokio::runtime::Handle::current();
    let starting = tokio::task::spawn_blocking(move || runtime.block_on(start(config)));
    tokio::select! {
        started = starting => started.wrap_err("the start broke off")?,
        name = signals.wait() => {
            tracing::warn!(by = name, "ended before the node had started");
            std::process::exit(ABORTED)
        }
    }
}

/// Starts a node.
pub(super) async fn start(config: DevConfig) -> Result<NodeHandle> {
    let has_ports = config.port != 0 && config.listed.is_empty();
    let started = Node::start(config).await;
    let hint = match &started {
        Err(NodeError::Listen { .. }) if has_ports => {
            "cannot start the node; another port with --port may help"
        }
        _ => "cannot start the node",
    };
    started.wrap_err(hint)
}

/// Starts a realm of two rollups on free ports.
pub(super) async fn start_embedded() -> Result<NodeHandle> {
    start(DevConfig { rollups: 2, port: 0, ..DevConfig::default() }).await
}

fn tell_started(node: &NodeHandle) {
    for rollup in node.rollups() {
        let (chain_id, name, url) = (rollup.chain_id, &rollup.name, &rollup.url);
        tracing::info!(chain_id, %name, %url, "rollup is served");
    }
    if let Some(url) = node.common_url() {
        tracing::info!(%url, "all rollups are served");
    }
    if let Some(url) = node.admin_url() {
        tracing::info!(%url, "admin port is open");
    }
    let key = node.promise_key().map(|key| key.to_string()).unwrap_or_default();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        rollups = node.rollups().len(),
        promise_key = %key,
        "started"
    );
}
