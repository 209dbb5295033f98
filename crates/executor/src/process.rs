//! Executors as processes of their own.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Starts `program executor --rollup chain_id` with a socket as its standard input; returns the process and the
/// hub's end, on which reads and writes give up after `patience`.
///
/// # Errors
///
/// What the operating system says.
pub fn spawn(program: &Path, chain_id: u64, patience: Duration) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_read_timeout(Some(patience))?;
    ours.set_write_timeout(Some(patience))?;
    let child = Command::new(program)
        .args(["executor", "--rollup", &chain_id.to_string()])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .spawn()?;
    Ok((child, ours))
}
