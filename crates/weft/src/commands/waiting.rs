//! Waiting for what a chain does in its own time: looked at again and again, shown on standard error, given up with Ctrl-C.

use eyre::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{IsTerminal as _, stderr},
    process::ExitCode,
    time::Duration,
};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Time between two turns of what shows that it goes on.
const TURN: Duration = Duration::from_millis(120);
/// Exit code of a wait that Ctrl-C ended, as shells have it.
const INTERRUPTED: u8 = 130;

/// What one look found.
#[derive(Debug)]
pub(super) enum Look<T> {
    /// It is there.
    There(T),
    /// It is not, and why.
    NotYet(String),
}

/// Waits in which nothing is lost: whoever ends one is told `how` to go on later.
pub(super) async fn until_interrupted(
    work: impl Future<Output = Result<ExitCode>>,
    how: &str,
) -> Result<ExitCode> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("stopped waiting, and nothing is lost; go on with\n  {how}");
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

/// Looks until it is there. The first look has to succeed; afterwards an endpoint that is away for a while ends nothing.
pub(super) async fn until<T>(look: impl AsyncFn() -> Result<Look<T>>) -> Result<T> {
    let shown = Shown::new();
    let mut found = look().await?;
    loop {
        match found {
            Look::There(it) => return Ok(it),
            Look::NotYet(why) => shown.say(why),
        }
        tokio::time::sleep(LOOK).await;
        let again = |error| Look::NotYet(format!("{error:#}; trying again"));
        found = look().await.unwrap_or_else(again);
    }
}

/// A line that turns on a terminal; elsewhere a line whenever something else is waited for.
struct Shown(ProgressBar);

impl Shown {
    fn new() -> Self {
        let bar =
            if stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{spinner} {msg}  {elapsed}");
        bar.set_style(style.expect("the template is valid"));
        bar.enable_steady_tick(TURN);
        Self(bar)
    }

    fn say(&self, why: String) {
        if self.0.is_hidden() && self.0.message() != why {
            eprintln!("{why}");
        }
        self.0.set_message(why);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
