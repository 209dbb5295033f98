//! Golden vectors: JSON files under `vectors/` that tests regenerate and compare byte for byte.
//!
//! `WEFT_BLESS=1` writes the files instead; changing one is a decision, not a chore.

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use serde_json::Value;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// A JSON value whose members keep the order in which they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(u32),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
}

impl Json {
    /// Returns an object with `members` in this order.
    pub(crate) fn object<const N: usize>(members: [(&'static str, Self); N]) -> Self {
        Self::Object(members.into())
    }

    /// Returns the list of `values`.
    pub(crate) fn list<T: Into<Self>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }

    fn print(&self, indent: usize, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => write!(out, "{value}").unwrap(),
            Self::Number(value) => write!(out, "{value}").unwrap(),
            Self::Text(value) => {
                assert!(!value.contains(['"', '\\', '\n']), "text needs no escapes: {value}");
                write!(out, "\"{value}\"").unwrap();
            }
            Self::List(values) => {
                let members = values.iter().map(|value| (None, value));
                print_members(['[', ']'], members, indent, out);
            }
            Self::Object(members) => {
                let members = members.iter().map(|(name, value)| (Some(*name), value));
                print_members(['{', '}'], members, indent, out);
            }
        }
    }
}

fn print_members<'a>(
    [open, close]: [char; 2],
    members: impl ExactSizeIterator<Item = (Option<&'static str>, &'a Json)>,
    indent: usize,
    out: &mut String,
) {
    out.push(open);
    let count = members.len();
    for (index, (name, value)) in members.enumerate() {
        write!(out, "\n{:width$}", "", width = indent + 2).unwrap();
        if let Some(name) = name {
            write!(out, "\"{name}\": ").unwrap();
        }
        value.print(indent + 2, out);
        if index + 1 < count {
            out.push(',');
        }
    }
    if count > 0 {
        write!(out, "\n{:indent$}", "").unwrap();
    }
    out.push(close);
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! from {
    ($make:expr; $($type:ty),+) => {$(
        impl From<$type> for Json {
            fn from(value: $type) -> Self {
                $make(value)
            }
        }
    )+};
}

// Numbers that a double may not hold are decimal text; bytes are hex.
from!(|value| Self::Number(u32::from(value)); u8, u16);
from!(Self::Number; u32);
from!(|value| Self::Text(format!("{value}")); u64, u128, i64, U256);
from!(|value| Self::Text(hex::encode_prefixed(value)); B256, Address, Bytes, Vec<u8>);

/// Compares `document` with the file `vectors/{name}`, or writes the file when asked to.
// The tests' own files and the one variable that rewrites them are no input of the crate.
#[allow(clippy::disallowed_methods)]
pub(crate) fn check(name: &str, document: &Json) {
    let mut computed = String::new();
    document.print(0, &mut computed);
    computed.push('\n');
    if std::env::var("WEFT_BLESS").is_ok_and(|value| value == "1") {
        std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        std::fs::write(path(name), &computed).unwrap();
    }
    let stored = std::fs::read_to_string(path(name)).unwrap_or_default();
    let differs = stored.lines().zip(computed.lines()).position(|(stored, new)| stored != new);
    assert!(
        stored == computed,
        "vectors/{name} differs from line {} on; WEFT_BLESS=1 rewrites it",
        differs.unwrap_or_else(|| stored.lines().count().min(computed.lines().count())) + 1
    );
}

/// Returns the vectors of the file `vectors/{name}` as another program would read them.
#[allow(clippy::disallowed_methods)] // As above.
pub(crate) fn read(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path(name)).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    document["vectors"].as_array().unwrap().clone()
}

/// Returns the bytes of member `name` of a vector.
pub(crate) fn bytes(vector: &Value, name: &str) -> Vec<u8> {
    hex::decode(vector[name].as_str().unwrap()).unwrap()
}

/// Returns a file of the nearest folder `vectors` above the crate.
fn path(name: &str) -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    above.map(|at| at.join("vectors")).find(|at| at.is_dir()).unwrap().join(name)
}
