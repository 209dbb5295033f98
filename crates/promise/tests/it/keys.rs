//! Encrypted key files, and that secrets stay secret.

use crate::lane::{KEY, key, signer};
use alloy_primitives::{B256, hex};
use std::{fs, os::unix::fs::PermissionsExt as _};
use tempfile::TempDir;
use weft_promise::{KeystoreError, Passphrase, Signer as _, keystore};

fn secret(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

#[test]
fn keys_come_back_with_their_passphrase_and_no_other() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("key.json");
    keystore::write(&path, &KEY, &secret("open sesame")).unwrap();
    let mut opened = keystore::open(&path, &secret("open sesame")).unwrap();
    assert_eq!(opened.address(), key());
    assert_eq!(*keystore::read(&path, &secret("open sesame")).unwrap(), KEY.0);
    let digest = B256::repeat_byte(7);
    assert_eq!(opened.sign(digest).unwrap().signer(digest), Some(key()));
    let wrong = keystore::open(&path, &secret("open sesam")).unwrap_err();
    assert!(matches!(wrong, KeystoreError::Passphrase(_)), "{wrong}");
    let wrong = keystore::read(&path, &secret("open sesam")).unwrap_err();
    assert!(matches!(wrong, KeystoreError::Passphrase(_)), "{wrong}");
    let again = keystore::create(&path, &secret("x")).unwrap_err();
    assert!(matches!(again, KeystoreError::Exists(_)), "{again}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"version\":3") && !text.contains(&hex::encode(KEY)));
}

#[test]
fn new_keys_differ() {
    let directory = TempDir::new().unwrap();
    let make = |name| keystore::create(&directory.path().join(name), &secret("x")).unwrap();
    assert_ne!(make("a").address(), make("b").address());
}

#[test]
fn malformed_key_files_are_refused_without_panic_or_endless_work() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("key.json");
    keystore::write(&path, &KEY, &secret("x")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let changes = [
        ("\"version\":3", "\"version\":4"),
        ("aes-128-ctr", "aes-256-ctr"),
        ("\"dklen\":32", "\"dklen\":8"),
        ("\"n\":8192", "\"n\":2147483648"),
        ("\"n\":8192", "\"n\":0"),
        ("\"n\":8192", "\"n\":8191"),
        ("\"r\":8", "\"r\":4000000000"),
        ("\"iv\":\"", "\"iv\":\"00"),
        ("\"ciphertext\":\"", "\"ciphertext\":\"00"),
        ("{", ""),
    ];
    for (old, new) in changes {
        let altered = text.replacen(old, new, 1);
        assert_ne!(altered, text, "{old}");
        fs::write(&path, altered).unwrap();
        let error = keystore::open(&path, &secret("x")).unwrap_err();
        assert!(matches!(error, KeystoreError::Format(..)), "{new}: {error}");
    }
}

#[test]
fn secrets_are_in_no_debug_output() {
    let shown = format!("{:?} {:?}", signer(), secret("open sesame"));
    assert!(!shown.contains("sesame") && !shown.contains("feedbeef"), "{shown}");
    assert!(shown.contains(&key().to_string().to_lowercase()));
}

#[test]
fn passphrases_come_from_the_first_line_of_a_file_and_are_not_empty() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("passphrase");
    fs::write(&path, "open sesame\nnot this\n").unwrap();
    let file = directory.path().join("key.json");
    keystore::write(&file, &KEY, &Passphrase::read(&path).unwrap()).unwrap();
    assert!(keystore::open(&file, &secret("open sesame")).is_ok());
    fs::write(&path, "\n").unwrap();
    assert!(Passphrase::read(&path).is_err());
    assert!(Passphrase::read(&directory.path().join("missing")).is_err());
    assert!(Passphrase::from_env("WEFT_NO_SUCH_VARIABLE").is_err());
}
