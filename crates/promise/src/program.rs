//! A signer in another process: hardware, a vault, another machine behind `ssh`.
//!
//! The program reads one JSON object per line and answers with one per line:
//!
//! ```text
//! > {"method":"address"}
//! < {"address":"0x.."}
//! > {"method":"sign","digest":"0x.."}
//! < {"signature":"0x.."}            65 bytes: r, s, parity 0 or 1; s is low
//! < {"error":"no"}                  instead of either
//! ```

use crate::signer::{SignError, Signer};
use alloy_primitives::{Address, B256};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::Duration,
};
use weft_types::Signature;

/// Most bytes of an answer.
const MAX_LINE: u64 = 4096;

/// A signer in another process.
#[derive(Debug)]
pub struct ProgramSigner {
    name: String,
    address: Address,
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
    patience: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum Answer {
    Address(Address),
    Signature(Signature),
    Error(String),
}

impl ProgramSigner {
    /// Starts a program and asks for the address of its key.
    ///
    /// # Errors
    ///
    /// [`SignError::Program`] when it does not start or does not answer.
    pub fn start(program: &str, args: &[String], patience: Duration) -> Result<Self, SignError> {
        let failed = |why: String| SignError::Program { program: program.to_owned(), why };
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("it has no input or output".to_owned()));
        };
        let mut signer = Self {
            name: program.to_owned(),
            address: Address::ZERO,
            child,
            input,
            answers: lines(output),
            patience,
        };
        signer.address = match signer.ask(&json!({ "method": "address" }))? {
            Answer::Address(address) => address,
            _ => return Err(failed("no address in its answer".to_owned())),
        };
        Ok(signer)
    }

    fn ask(&mut self, question: &Value) -> Result<Answer, SignError> {
        let wrote = writeln!(self.input, "{question}").and_then(|()| self.input.flush());
        wrote.map_err(|error| self.failed(error))?;
        let line = self.answers.recv_timeout(self.patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => self.failed("it does not answer in time"),
            RecvTimeoutError::Disconnected => self.failed("it ended"),
        })?;
        match serde_json::from_str(&line) {
            Ok(Answer::Error(why)) => Err(self.failed(format!("it refuses: {why}"))),
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.failed(format!("unexpected answer: {error}"))),
        }
    }

    fn failed(&self, why: impl ToString) -> SignError {
        SignError::Program { program: self.name.clone(), why: why.to_string() }
    }
}

impl Signer for ProgramSigner {
    fn address(&self) -> Address {
        self.address
    }

    fn sign(&mut self, digest: B256) -> Result<Signature, SignError> {
        let answer = self.ask(&json!({ "method": "sign", "digest": digest }))?;
        match answer {
            Answer::Signature(signature) if signature.signer(digest) == Some(self.address) => {
                Ok(signature)
            }
            Answer::Signature(_) => Err(self.failed("the signature is not that of its key")),
            _ => Err(self.failed("no signature in its answer")),
        }
    }
}

impl Drop for ProgramSigner {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines on a thread of their own, which ends with the program or with the receiver.
fn lines(output: ChildStdout) -> Receiver<String> {
    let (lines, received) = sync_channel(1);
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        loop {
            let mut line = String::new();
            match (&mut output).take(MAX_LINE).read_line(&mut line) {
                Ok(1..) if lines.send(line).is_ok() => {}
                _ => return,
            }
        }
    });
    received
}
