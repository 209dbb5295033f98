//! Files of sealing: JSON whose `encoding` counts. Everything else in them is for people, and a file whose words differ
//! from what the encoding says is refused.

use alloy_primitives::Bytes;
use eyre::{Result, WrapErr, bail, eyre};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fs, io::Read as _, path::Path};

/// Most bytes of a file: a key list of 256 members has 700,000.
const MAX_FILE: u64 = 4 << 20;

/// A file that was read and not believed yet.
#[derive(Debug)]
pub(super) struct Document {
    name: String,
    value: Value,
}

impl Document {
    /// Reads the JSON of a file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = fs::File::open(path).wrap_err_with(|| format!("cannot read {name}"))?;
        let mut text = String::new();
        let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
        if read.wrap_err_with(|| format!("cannot read {name}"))? as u64 > MAX_FILE {
            bail!("{name} is over {MAX_FILE} bytes, no file of sealing is");
        }
        let value = serde_json::from_str(&text).wrap_err_with(|| format!("{name} is not JSON"))?;
        Ok(Self { name, value })
    }

    /// Reads a file of one kind.
    pub(super) fn of_kind(path: &Path, kind: &str) -> Result<Self> {
        let document = Self::read(path)?;
        match document.kind() {
            found if found == kind => Ok(document),
            found => bail!("{} is a file of kind `{found}`, expected `{kind}`", document.name),
        }
    }

    /// Returns what the file says that it is.
    pub(super) fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or("unknown")
    }

    /// Returns how errors call the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns a field.
    pub(super) fn field<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        serde_json::from_value(self.value[name].clone())
            .map_err(|_| eyre!("field `{name}` of {} is missing or malformed", self.name))
    }

    /// Takes away a field that no encoding says.
    pub(super) fn note<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.value.as_object_mut().and_then(|object| object.remove(name)) else {
            return Ok(None);
        };
        let read = serde_json::from_value(value).map(Some);
        read.map_err(|_| eyre!("field `{name}` of {} is malformed", self.name))
    }

    /// Returns the bytes of a field.
    pub(super) fn bytes(&self, name: &str) -> Result<Bytes> {
        self.field(name)
    }

    /// Checks that the file says in words what it says in bytes, and nothing more.
    pub(super) fn says(&self, computed: &Value) -> Result<()> {
        if self.value == *computed {
            return Ok(());
        }
        let differs = |name: &&String| self.value.get(*name) != computed.get(*name);
        let mut names = [&self.value, computed]
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(|object| object.keys());
        let name = names.find(differs).map_or("kind", String::as_str);
        bail!("{} is altered: its `{name}` is not what its encoding says", self.name)
    }
}

/// Prints a file.
pub(super) fn print(value: &impl Serialize) -> Result<()> {
    use std::io::Write as _;
    let text = serde_json::to_string_pretty(value)?;
    let mut out = std::io::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).wrap_err("cannot write to standard output")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_that_says_more_or_less_or_something_else_is_altered() {
        let computed = json!({ "kind": "x", "epoch": 7 });
        let says = |value: Value| Document { name: "f".to_owned(), value }.says(&computed);
        says(json!({ "epoch": 7, "kind": "x" })).unwrap();
        for (value, field) in [
            (json!({ "kind": "x", "epoch": 8 }), "epoch"),
            (json!({ "kind": "x" }), "epoch"),
            (json!({ "kind": "x", "epoch": 7, "note": "hi" }), "note"),
            (json!("x"), "epoch"),
        ] {
            let error = says(value).unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}`")), "{error}");
        }
    }
}
