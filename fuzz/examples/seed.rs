//! Writes the golden encodings of `vectors` to `corpus/`, one file each, as a start for the targets.

use serde_json::Value;
use std::{error::Error, fs, path::Path};

/// Vector file, member with the bytes, target.
const SEEDS: [(&str, &str, &str); 9] = [
    ("batch/batches.json", "encoding", "batch"),
    ("evidence/evidence.json", "encoding", "evidence"),
    ("sealing/verdicts.json", "bytes", "envelope"),
    ("types/hops.json", "encoding", "hop"),
    ("types/items.json", "encoding", "item"),
    ("types/promises.json", "encoding", "promise"),
    ("types/slot-headers.json", "encoding", "slot"),
    ("types/slot-records.json", "encoding", "slot"),
    ("types/items.json", "raw", "transaction"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, member, target) in SEEDS {
        let text = fs::read_to_string(root.join("../vectors").join(file))?;
        let mut found = Vec::new();
        collect(&serde_json::from_str(&text)?, member, &mut found);
        let folder = root.join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        for (number, bytes) in found.iter().enumerate() {
            fs::write(folder.join(format!("{}-{number}", file.replace('/', "-"))), bytes)?;
        }
        println!("{target}: {} seeds from {file}", found.len());
    }
    Ok(())
}

/// Collects the bytes of every `member` anywhere in `value`.
fn collect(value: &Value, member: &str, found: &mut Vec<Vec<u8>>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| name == member) {
                    Some(text) => found.extend(bytes(text)),
                    None => collect(value, member, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, member, found)),
        _ => {}
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}
