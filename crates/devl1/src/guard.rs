//! A child process that ends with this one, however that ends: Linux tells a child of its parent's end only where `unsafe`
//! asks for it, so a pipe does. Nobody else has its other end, and it closes with this process, by SIGKILL too.

use std::{path::Path, process::Stdio};
use tokio::process::{Child, Command};

/// The program runs beside a shell that reads the pipe to its end and then kills it.
const SCRIPT: &str = r#"exec 3<&0 </dev/null
"$@" 3<&- & program=$!
{ read -r _ <&3; kill -9 "$program"; } 2>/dev/null & guard=$!
exec 3<&-
wait "$program"; status=$?
kill "$guard" 2>/dev/null
exit "$status""#;

/// A program with its guard.
#[derive(Debug)]
pub(crate) struct Guarded(Child);

impl Guarded {
    /// Starts a program, which reads and says nothing. One that cannot be started ends with status 126 or 127.
    pub(crate) fn spawn(program: &Path, arguments: &[String]) -> std::io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Self)
    }

    /// Says how it ended; nothing while it runs.
    pub(crate) fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.0.try_wait().ok().flatten()
    }

    /// Ends it and waits for that. Without this it ends when it is dropped.
    pub(crate) async fn stop(mut self) -> std::io::Result<()> {
        // The end of the pipe that is held here closes first.
        self.0.wait().await.map(drop)
    }
}
