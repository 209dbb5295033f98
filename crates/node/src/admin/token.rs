//! The token that opens the admin port.

use crate::error::NodeError;
use alloy_primitives::hex;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};
use subtle::ConstantTimeEq as _;

/// Least length of a token, in characters.
const MIN_LENGTH: usize = 32;
/// Most bytes of the file.
const MAX_FILE: u64 = 4096;
/// What stands before the token in a request.
const SCHEME: &[u8] = b"Bearer ";

/// The token. It is not shown by `Debug`.
pub(super) struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// Reads the token from a file that only its owner may read, or makes both.
    pub(super) fn open(path: &Path) -> Result<Self, NodeError> {
        let failed = |source| NodeError::TokenFile { path: path.to_owned(), source };
        match Self::create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::read(path).map_err(failed)
            }
            created => created.map_err(failed),
        }
    }

    fn create(path: &Path) -> io::Result<Self> {
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty())
        {
            fs::create_dir_all(directory)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let token = hex::encode(rand_08::random::<[u8; 32]>());
        writeln!(file, "{token}")?;
        file.sync_all()?;
        Ok(Self(token))
    }

    fn read(path: &Path) -> io::Result<Self> {
        let invalid = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why.to_owned()));
        let found = File::open(path)?.metadata()?;
        if found.permissions().mode() & 0o077 != 0 {
            return invalid("others than its owner may read it; run chmod 600 on it");
        }
        if found.len() > MAX_FILE {
            return invalid("it is too large for a token");
        }
        let token = fs::read_to_string(path)?.trim().to_owned();
        if token.len() < MIN_LENGTH || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return invalid("it holds no token of 32 characters or more; remove it for a new one");
        }
        Ok(Self(token))
    }

    /// Returns true when the value of an `authorization` header carries the token. Takes as long for every wrong
    /// token of the right length.
    pub(super) fn opens(&self, header: &[u8]) -> bool {
        let Some(given) = header.strip_prefix(SCHEME) else { return false };
        self.0.as_bytes().ct_eq(given).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("below").join("token");
        let made = Token::open(&path).unwrap();
        assert_eq!(made.0.len(), 64);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(Token::open(&path).unwrap().0, made.0);
        assert!(!format!("{made:?}").contains(&made.0));
    }

    #[test]
    fn a_token_that_others_may_read_or_that_is_short_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        for (text, mode, part) in [
            ("0123456789abcdef0123456789abcdef", 0o640, "chmod 600"),
            ("short", 0o600, "no token"),
            ("", 0o600, "no token"),
            ("0123456789abcdef 0123456789abcdef", 0o600, "no token"),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Token::open(&path).unwrap_err();
            let NodeError::TokenFile { source, .. } = error else { panic!("{error:?}") };
            assert!(source.to_string().contains(part), "{text:?}: {source}");
        }
    }

    #[test]
    fn only_the_whole_token_opens() {
        let token = Token("0123456789abcdef0123456789abcdef".to_owned());
        assert!(token.opens(b"Bearer 0123456789abcdef0123456789abcdef"));
        for wrong in [
            "",
            "Bearer ",
            "0123456789abcdef0123456789abcdef",
            "Basic 0123456789abcdef0123456789abcdef",
            "Bearer 0123456789abcdef0123456789abcde",
            "Bearer 0123456789abcdef0123456789abcdef0",
            "Bearer 0123456789abcdef0123456789abcdeF",
        ] {
            assert!(!token.opens(wrong.as_bytes()), "{wrong}");
        }
    }
}
