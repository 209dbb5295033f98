//! Running other programs in the root of the checkout.

use crate::{root, tally::Tally};
use std::{
    io::{BufRead, BufReader, IsTerminal, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Returns a command that runs `program` in the root of the checkout.
pub(crate) fn program(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// Returns a command that runs the cargo that runs us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    program(&cargo, arguments)
}

/// Runs a command, its output going where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| unstarted(command, &error))?;
    succeeded(command, status)
}

/// Runs a command and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| unstarted(command, &error))?;
    succeeded(command, output.status)?;
    String::from_utf8(output.stdout)
        .map_err(|error| format!("`{}` wrote no UTF-8: {error}", in_words(command)))
}

/// The stream on which a test runner reports.
pub(crate) enum Reports {
    /// Standard output (`cargo test`).
    Out,
    /// Standard error (`cargo nextest`).
    Error,
}

/// Runs a test runner and adds the results that pass by on `reports` to `tally`.
pub(crate) fn run_counted(
    command: &mut Command,
    reports: &Reports,
    tally: &mut Tally,
) -> Result<(), String> {
    match reports {
        Reports::Out => command.stdout(Stdio::piped()),
        Reports::Error => command.stderr(Stdio::piped()),
    };
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.spawn().map_err(|error| unstarted(command, &error))?;
    let stream: Box<dyn Read> = match reports {
        Reports::Out => Box::new(child.stdout.take().expect("standard output is piped")),
        Reports::Error => Box::new(child.stderr.take().expect("standard error is piped")),
    };
    for line in BufReader::new(stream).split(b'\n') {
        let line = line.map_err(|error| format!("`{}`: {error}", in_words(command)))?;
        let line = String::from_utf8_lossy(&line);
        tally.read_line(&line);
        println!("{line}");
    }
    let status = child.wait().map_err(|error| format!("`{}`: {error}", in_words(command)))?;
    succeeded(command, status)
}

/// Runs a command in a process group of its own and kills the whole group after `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<(), String> {
    let mut child = command.process_group(0).spawn().map_err(|error| unstarted(command, &error))?;
    let deadline = Instant::now() + limit;
    let outcome = loop {
        match child.try_wait().map_err(|error| format!("`{}`: {error}", in_words(command)))? {
            Some(status) => break status.success().then_some(()).ok_or_else(|| status.to_string()),
            None if Instant::now() > deadline => {
                break Err(format!("still running after {} s", limit.as_secs()));
            }
            None => sleep(Duration::from_millis(50)),
        }
    };
    end_group(&mut child);
    outcome
}

/// Ends whatever is left of the child's process group.
fn end_group(child: &mut Child) {
    let group = format!("-{}", child.id());
    // An error here means that nothing of the group is left.
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = child.wait();
}

fn unstarted(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start `{}`: {error}", in_words(command))
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("`{}`: {status}", in_words(command))) }
}

/// Returns the command line without the program's folder.
fn in_words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_within_kills_what_outlives_its_limit() {
        let begun = Instant::now();
        let reason =
            run_within(&mut program("sh", &["-c", "sleep 60 & wait"]), Duration::from_millis(200));
        assert_eq!(reason, Err("still running after 0 s".to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn run_within_reports_the_exit_status() {
        let limit = Duration::from_secs(30);
        assert_eq!(run_within(&mut program("sh", &["-c", "exit 0"]), limit), Ok(()));
        assert_eq!(
            run_within(&mut program("sh", &["-c", "exit 3"]), limit),
            Err("exit status: 3".to_owned())
        );
    }
}
