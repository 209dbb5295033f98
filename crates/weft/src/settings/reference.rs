//! The reference page of the configuration, written from the table of keys.

use super::{
    keys::{KEYS, Key, ROLLUP_KEYS},
    value::Kind,
};

/// Words before the tables.
const HEAD: &str = include_str!("reference.md");
/// Where the tables stand in [`HEAD`].
const KEYS_HERE: &str = "{keys}\n";
/// Where the table of a rollup's file stands.
const ROLLUP_HERE: &str = "{rollup}\n";

/// Returns the page `docs/reference/config.md`.
pub(crate) fn page() -> String {
    HEAD.replace(KEYS_HERE, &sections()).replace(ROLLUP_HERE, &rollup())
}

fn sections() -> String {
    let mut out = String::new();
    let mut section = "";
    for key in KEYS {
        let (in_section, _) = key.path.split_once('.').unwrap_or(("", key.path));
        if in_section != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            out += &format!(
                "{gap}### {in_section}\n\n| key | takes | default | flag | what it does |\n|---|---|---|---|---|\n"
            );
            section = in_section;
        }
        let flag = key.flag.map_or_else(String::new, |(name, _)| format!("`--{name}`"));
        let (path, takes) = (key.path, takes(key));
        out += &format!("| `{path}` | {takes} | {} | {flag} | {} |\n", default(key), key.help);
    }
    out
}

fn rollup() -> String {
    let mut out = "| key | takes | default | what it is |\n|---|---|---|---|\n".to_owned();
    for key in ROLLUP_KEYS {
        out += &format!("| `{}` | {} | {} | {} |\n", key.path, takes(key), default(key), key.help);
    }
    out
}

fn default(key: &Key) -> String {
    if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) }
}

fn takes(key: &Key) -> String {
    let takes = match key.kind {
        Kind::Text => "text".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Paths => "list of paths".to_owned(),
        Kind::Host => "IP address".to_owned(),
        Kind::Number { least, most } => format!("{least} to {most}"),
        Kind::Numbers => "list of numbers".to_owned(),
        Kind::Time { least_ms, most_ms } => format!("{} to {}", time(least_ms), time(most_ms)),
        Kind::OneOf(words) => format!("`{}`", words.join("`, `")),
        Kind::Switch => "`true` or `false`".to_owned(),
        Kind::Wei => "amount".to_owned(),
    };
    if key.is_secret { format!("{takes}; secret") } else { takes }
}

fn time(ms: u64) -> String {
    if ms.is_multiple_of(1_000) { format!("{}s", ms / 1_000) } else { format!("{ms}ms") }
}

#[cfg(test)]
mod tests {
    use super::page;
    use std::{env, fs, path::Path};

    /// `WEFT_BLESS=1 cargo test` writes the page.
    #[test]
    fn the_reference_page_is_written_from_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/config.md");
        if env::var_os("WEFT_BLESS").is_some() {
            fs::write(&path, page()).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == page(), "docs/reference/config.md is old: WEFT_BLESS=1 writes it anew");
    }
}
