//! How far long work is: a bar on a terminal, a line now and then elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{IsTerminal, stderr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Time between two lines where there is no terminal and nobody says.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Variable with the seconds between two lines; with 0 every step has one.
const VARIABLE: &str = "WEFT_PROGRESS";

/// How far some work is.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    bar: ProgressBar,
    /// When the last line was written; `None` when a bar shows it.
    last: Option<Mutex<Instant>>,
    /// Time between two lines.
    every: Duration,
}

impl Progress {
    /// Begins to show `what` is done, with so much to do.
    pub(crate) fn new(what: &'static str, all: u64) -> Self {
        let on_terminal = stderr().is_terminal();
        let bar = if on_terminal { ProgressBar::new(all) } else { ProgressBar::hidden() };
        bar.set_length(all);
        let style = ProgressStyle::with_template(
            "{prefix} {bar:30} {percent:>3} %  {msg}  {elapsed}, {eta} to go",
        );
        bar.set_style(style.expect("the template is valid"));
        bar.set_prefix(what);
        let last = (!on_terminal).then(|| Mutex::new(Instant::now()));
        Self { what, bar, last, every: line_every() }
    }

    /// Says that `done` of it is done.
    pub(crate) fn at(&self, done: u64, at: &str) {
        self.bar.set_position(done);
        self.bar.set_message(at.to_owned());
        let Some(last) = &self.last else { return };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= self.every {
            *last = Instant::now();
            let percent = (done * 100).checked_div(self.bar.length().unwrap_or(0));
            tracing::info!(percent, at, "{}", self.what);
        }
    }

    /// Shows nothing more.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn line_every() -> Duration {
    let said = std::env::var(VARIABLE).ok().and_then(|seconds| seconds.parse().ok());
    said.map_or(LINE_EVERY, Duration::from_secs)
}

/// Returns what shows how many of the batches on L1 ran again in a new data directory.
pub(crate) fn of_adoption(all: u64) -> weft_node::Progress {
    let shown = Progress::new("running again", all);
    weft_node::Progress::new(move |done, _| shown.at(done, &format!("batch {done}")))
}

/// Returns what shows how far the repetition of a log is.
pub(crate) fn of_recovery() -> weft_node::Progress {
    let shown: Mutex<Option<Progress>> = Mutex::new(None);
    weft_node::Progress::new(move |done, all| {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = shown.get_or_insert_with(|| Progress::new("recovering", all));
        progress.at(done, "");
        // Marks and headers are no records, so that the last one may lie before the end.
        if done.saturating_add(END) >= all {
            progress.end();
        }
    })
}

/// Bytes before the end of a log that count as the end.
const END: u64 = 4096;
