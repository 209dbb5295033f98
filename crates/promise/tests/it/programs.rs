//! Signers in another process.

use crate::lane::{key, signer};
use alloy_primitives::B256;
use std::time::Duration;
use weft_promise::{ProgramSigner, SignError, Signer as _};

const PATIENCE: Duration = Duration::from_secs(5);

/// Starts a shell that answers the first two questions so.
fn start(first: &str, second: &str, patience: Duration) -> Result<ProgramSigner, SignError> {
    let script = format!("read q; echo '{first}'; read q; {second}; read q");
    ProgramSigner::start("sh", &["-c".to_owned(), script], patience)
}

fn refusal(second: &str, patience: Duration) -> String {
    let mut program = start(&format!(r#"{{"address":"{}"}}"#, key()), second, patience).unwrap();
    program.sign(B256::repeat_byte(7)).unwrap_err().to_string()
}

#[test]
fn a_program_signs_with_the_key_that_it_names() {
    let digest = B256::repeat_byte(7);
    let signature = serde_json::to_string(&signer().sign(digest).unwrap()).unwrap();
    let answer = format!(r#"echo '{{"signature":{signature}}}'"#);
    let first = format!(r#"{{"address":"{}"}}"#, key());
    let mut program = start(&first, &answer, PATIENCE).unwrap();
    assert_eq!(program.address(), key());
    assert_eq!(program.sign(digest).unwrap().signer(digest), Some(key()));
}

#[test]
fn every_other_answer_is_refused() {
    let foreign = serde_json::to_string(&signer().sign(B256::ZERO).unwrap()).unwrap();
    let foreign = format!(r#"echo '{{"signature":{foreign}}}'"#);
    for (answer, part) in [
        (foreign.as_str(), "not that of its key"),
        (r#"echo '{"signature":"0x12"}'"#, "unexpected answer"),
        (r#"echo '{"error":"locked"}'"#, "it refuses: locked"),
        (r#"echo '{"address":"0x0000000000000000000000000000000000000001"}'"#, "no signature"),
        ("echo nonsense", "unexpected answer"),
        ("head -c 100000 /dev/zero; echo", "unexpected answer"),
        ("exit", "it ended"),
    ] {
        let said = refusal(answer, PATIENCE);
        assert!(said.contains(part), "{answer}: {said}");
    }
    let slow = refusal("exec sleep 5", Duration::from_millis(300));
    assert!(slow.contains("in time"), "{slow}");
}

#[test]
fn a_program_that_does_not_start_is_named() {
    let missing = ProgramSigner::start("/no/such/program", &[], PATIENCE).unwrap_err();
    assert!(missing.to_string().contains("/no/such/program"));
    assert!(start("{}", "exit", PATIENCE).is_err());
}
