//! What a key takes, and how it is read from text and from TOML.

use crate::amount::parse_wei;
use alloy_primitives::U256;
use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use toml_edit::Item;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Path,
    Paths,
    Host,
    Number { least: u64, most: u64 },
    Numbers,
    Time { least_ms: u64, most_ms: u64 },
    OneOf(&'static [&'static str]),
    Switch,
    Wei,
}

/// What stands at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Path(PathBuf),
    Paths(Vec<PathBuf>),
    Host(IpAddr),
    Number(u64),
    Numbers(Vec<u64>),
    Time(Duration),
    Switch(bool),
    Wei(U256),
}

impl Kind {
    /// Says what is taken, with an example.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Text => "text in quotes".to_owned(),
            Self::Path => "a path in quotes".to_owned(),
            Self::Paths => "a list of paths: [\"901.toml\"]".to_owned(),
            Self::Host => "an IP address in quotes: \"127.0.0.1\"".to_owned(),
            Self::Number { least, most } => format!("a number from {least} to {most}"),
            Self::Numbers => "a list of numbers: [901, 902]".to_owned(),
            Self::Time { .. } => "a time in quotes: \"200ms\", \"1s\"".to_owned(),
            Self::OneOf(words) => format!("one of \"{}\"", words.join("\", \"")),
            Self::Switch => "true or false".to_owned(),
            Self::Wei => "an amount in quotes: \"1 gwei\"".to_owned(),
        }
    }

    /// Reads text as it stands on the command line or in a variable.
    pub(crate) fn parse(self, text: &str) -> Result<Value, String> {
        let number = || text.replace('_', "").parse().map_err(|_| format!("`{text}` is no number"));
        match self {
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Path => Ok(Value::Path(text.into())),
            Self::Paths => Ok(Value::Paths(text.split(',').map(PathBuf::from).collect())),
            Self::Host => text.parse().map(Value::Host).map_err(|_| no_address(text)),
            Self::Number { least, most } => in_range(number()?, least, most),
            Self::Numbers => parse_numbers(text),
            Self::Time { least_ms, most_ms } => parse_time(text, least_ms, most_ms),
            Self::OneOf(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Self::OneOf(words) => Err(format!("`{text}` is none of {}", words.join(", "))),
            Self::Switch => {
                let wrong = |_| format!("`{text}` is neither true nor false");
                text.parse().map(Value::Switch).map_err(wrong)
            }
            Self::Wei => parse_wei(text).map(Value::Wei).map_err(|error| error.to_string()),
        }
    }

    /// Reads what stands in a file; paths are relative to `folder`.
    pub(crate) fn read(self, item: &Item, folder: &Path) -> Result<Value, String> {
        let wrong = || format!("{}, expected {}", found(item), self.expected());
        let text = || item.as_str().ok_or_else(wrong);
        let number = || item.as_integer().and_then(|n| u64::try_from(n).ok()).ok_or_else(wrong);
        match self {
            Self::Path => Ok(Value::Path(folder.join(text()?))),
            Self::Paths => {
                let paths = item.as_array().ok_or_else(wrong)?.iter();
                let paths = paths.map(|path| path.as_str().map(|path| folder.join(path)));
                paths.collect::<Option<_>>().map(Value::Paths).ok_or_else(wrong)
            }
            Self::Number { least, most } => in_range(number()?, least, most),
            Self::Numbers => {
                let numbers = item.as_array().ok_or_else(wrong)?.iter();
                let numbers = numbers.map(|n| n.as_integer().and_then(|n| u64::try_from(n).ok()));
                numbers.collect::<Option<_>>().map(Value::Numbers).ok_or_else(wrong)
            }
            Self::Switch => item.as_bool().map(Value::Switch).ok_or_else(wrong),
            Self::Wei if item.is_integer() => Ok(Value::Wei(U256::from(number()?))),
            Self::Text | Self::Host | Self::Time { .. } | Self::OneOf(_) | Self::Wei => {
                self.parse(text()?)
            }
        }
    }
}

/// Says what stands in a file.
fn found(item: &Item) -> String {
    format!("found {}", item.type_name())
}

fn no_address(text: &str) -> String {
    format!("`{text}` is no IP address")
}

fn in_range(number: u64, least: u64, most: u64) -> Result<Value, String> {
    if (least..=most).contains(&number) {
        Ok(Value::Number(number))
    } else {
        Err(format!("{number} is not in {least}..={most}"))
    }
}

fn parse_numbers(text: &str) -> Result<Value, String> {
    let numbers = text.split(',').map(|number| number.trim().parse());
    let numbers = numbers.collect::<Result<_, _>>();
    numbers.map(Value::Numbers).map_err(|_| format!("`{text}` is no list of numbers like 901,902"))
}

fn parse_time(text: &str, least_ms: u64, most_ms: u64) -> Result<Value, String> {
    let unreadable = || "write a time like 200ms or 1s".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| unreadable())?;
    let milliseconds = match unit.trim() {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        _ => return Err(unreadable()),
    };
    match milliseconds.filter(|ms| (least_ms..=most_ms).contains(ms)) {
        Some(ms) => Ok(Value::Time(Duration::from_millis(ms))),
        None => Err(format!("`{text}` is not between {least_ms}ms and {most_ms}ms")),
    }
}

impl fmt::Display for Value {
    /// Writes the value as it stands in a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| toml_edit::Value::from(text).to_string();
        match self {
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Path(path) => f.write_str(&quoted(&path.to_string_lossy())),
            Self::Paths(paths) => {
                let paths: Vec<_> =
                    paths.iter().map(|path| quoted(&path.to_string_lossy())).collect();
                write!(f, "[{}]", paths.join(", "))
            }
            Self::Host(host) => write!(f, "\"{host}\""),
            Self::Number(number) => write!(f, "{number}"),
            Self::Switch(is_on) => write!(f, "{is_on}"),
            Self::Numbers(numbers) => write!(f, "{numbers:?}"),
            Self::Time(time) if time.subsec_millis() == 0 => write!(f, "\"{}s\"", time.as_secs()),
            Self::Time(time) => write!(f, "\"{}ms\"", time.as_millis()),
            Self::Wei(wei) => write!(f, "\"{wei} wei\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Kind = Kind::Time { least_ms: 1, most_ms: 60_000 };

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(TIME.parse("200ms"), Ok(Value::Time(Duration::from_millis(200))));
        assert_eq!(TIME.parse("2s"), Ok(Value::Time(Duration::from_secs(2))));
        for text in ["", "200", "ms", "0ms", "1h", "-1s", "61s", "99999999999999999999s"] {
            assert!(TIME.parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        let wei = Value::Wei(U256::from(7));
        for (kind, value) in [
            (TIME, Value::Time(Duration::from_millis(1_500))),
            (TIME, Value::Time(Duration::from_secs(2))),
            (Kind::Text, Value::Text("a \"b\" \\ c".to_owned())),
            (Kind::Paths, Value::Paths(vec!["/a".into(), "/b c".into()])),
            (Kind::Numbers, Value::Numbers(vec![901, 902])),
            (Kind::Host, Value::Host("::1".parse().unwrap())),
            (Kind::Number { least: 0, most: 9 }, Value::Number(9)),
            (Kind::Switch, Value::Switch(true)),
            (Kind::Wei, wei),
        ] {
            let text = format!("key = {value}");
            let file = toml_edit::Document::parse(text.as_str()).unwrap();
            let item = &file.as_table()["key"];
            assert_eq!(kind.read(item, Path::new("/")), Ok(value), "{text}");
        }
    }
}
