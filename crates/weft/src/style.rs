//! Colours of the terminal, off where nobody would see them.

use alloy_primitives::B256;
use std::{
    env,
    fmt::{self, Display},
    io::{IsTerminal, stdout},
    sync::OnceLock,
};

/// Text with a colour around it.
#[derive(Debug)]
pub(crate) struct Painted<T> {
    code: &'static str,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad` applies a width to the text alone, so that columns line up with and without colour.
        let text = match f.width() {
            Some(width) if f.align() == Some(fmt::Alignment::Right) => {
                format!("{:>width$}", self.text)
            }
            Some(width) => format!("{:<width$}", self.text),
            None => self.text.to_string(),
        };
        if enabled() { write!(f, "\x1b[{}m{text}\x1b[0m", self.code) } else { f.write_str(&text) }
    }
}

/// Heading.
pub(crate) const fn bold<T: Display>(text: T) -> Painted<T> {
    Painted { code: "1", text }
}

/// Detail that the eye may skip.
pub(crate) const fn dim<T: Display>(text: T) -> Painted<T> {
    Painted { code: "2", text }
}

/// Success.
pub(crate) const fn green<T: Display>(text: T) -> Painted<T> {
    Painted { code: "32", text }
}

/// Failure.
pub(crate) const fn red<T: Display>(text: T) -> Painted<T> {
    Painted { code: "31", text }
}

/// Warning.
pub(crate) const fn yellow<T: Display>(text: T) -> Painted<T> {
    Painted { code: "33", text }
}

/// A rollup; each of the first six has its own colour.
pub(crate) const fn chain(id: u64) -> Painted<u64> {
    const CODES: [&str; 6] = ["36", "35", "34", "33", "32", "31"];
    // Rollup ids of a development realm begin at 901.
    Painted { code: CODES[(id.wrapping_sub(901) % 6) as usize], text: id }
}

/// Returns the two ends of a hash.
pub(crate) fn short(hash: B256) -> String {
    let text = hash.to_string();
    format!("{}..{}", &text[..10], &text[text.len() - 4..])
}

fn enabled() -> bool {
    static ENABLED: OnceLock<bool> = OnceLock::new();
    *ENABLED.get_or_init(|| {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|term| term == "dumb");
        stdout().is_terminal() && !refused
    })
}
