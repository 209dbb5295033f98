//! Standard output.

use std::{
    fmt::Display,
    io::{Write, stdout},
};

/// Prints a line for whoever still reads: a reader that went away, as `head` does, stops neither a node nor a story.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}
