//! Configuration files: every fault is named with its line and its key.

use super::{keys::Key, value::Value};
use std::{
    collections::BTreeMap,
    fmt, fs,
    ops::Range,
    path::{Path, PathBuf},
};
use toml_edit::{Document, Item, TableLike};

/// Most bytes of a file.
const MAX_BYTES: u64 = 1 << 20;
/// Least similarity, from 0 to 1, for a key to be suggested in the place of another.
const SIMILAR: f64 = 0.8;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    file: PathBuf,
    /// From 1; 0 when the whole file is meant.
    line: usize,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.what),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.what),
        }
    }
}

impl std::error::Error for Problem {}

/// A value with the line at which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) value: Value,
    pub(crate) line: usize,
}

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    /// Values by path of the key.
    pub(crate) values: BTreeMap<&'static str, Placed>,
    /// Text by name, in the section that names whatever it likes.
    pub(crate) named: BTreeMap<String, (String, usize)>,
    pub(crate) problems: Vec<Problem>,
}

/// Reads a file by a table of keys. Keys of the section `open`, when there is one, are not in the table; their values
/// are text or numbers.
pub(crate) fn read(path: &Path, keys: &'static [Key], open: Option<&str>) -> Read {
    match text_of(path) {
        Ok(text) => Reader { path, text: &text, keys, open, read: Read::default() }.read(),
        Err(what) => {
            let problem = Problem { file: path.into(), line: 0, what };
            Read { problems: vec![problem], ..Read::default() }
        }
    }
}

fn text_of(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot read it: {error}");
    let found = fs::metadata(path).map_err(failed)?;
    if found.len() > MAX_BYTES {
        return Err(format!("{} bytes, over the limit of {MAX_BYTES}", found.len()));
    }
    fs::read_to_string(path).map_err(failed)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    keys: &'static [Key],
    open: Option<&'a str>,
    read: Read,
}

impl Reader<'_> {
    fn read(mut self) -> Read {
        match Document::parse(self.text) {
            Ok(document) => self.table(document.as_table(), ""),
            Err(error) => {
                let what = error.message().lines().collect::<Vec<_>>().join(", ");
                self.problem(error.span(), what);
            }
        }
        self.read
    }

    /// Reads a table whose keys begin with `prefix`.
    fn table(&mut self, table: &dyn TableLike, prefix: &str) {
        for (name, item) in table.iter() {
            let key = table.get_key_value(name).and_then(|(key, _)| key.span());
            let span = key.or_else(|| item.span());
            let path = format!("{prefix}{name}");
            if prefix.strip_suffix('.').is_some_and(|section| Some(section) == self.open) {
                self.named(name, item, span);
            } else if let Some(inner) = item.as_table_like() {
                self.section(inner, &path, span);
            } else {
                self.value(&path, item, span);
            }
        }
    }

    fn section(&mut self, inner: &dyn TableLike, path: &str, span: Option<Range<usize>>) {
        let prefix = format!("{path}.");
        let is_known = self.keys.iter().any(|key| key.path.starts_with(&prefix));
        if is_known || self.open == Some(path) {
            self.table(inner, &prefix);
        } else if self.keys.iter().any(|key| key.path == path) {
            self.problem(span, format!("`{path}` is a key and not a section"));
        } else {
            let sections = self.keys.iter().filter_map(|key| key.path.split_once('.'));
            let sections = sections.map(|(section, _)| section).chain(self.open);
            let hint = suggestion(path, sections);
            self.problem(span, format!("unknown section `{path}`{hint}"));
        }
    }

    fn value(&mut self, path: &str, item: &Item, span: Option<Range<usize>>) {
        let Some(key) = self.keys.iter().find(|key| key.path == path) else {
            let hint = suggestion(path, self.keys.iter().map(|key| key.path));
            return self.problem(span, format!("unknown key `{path}`{hint}"));
        };
        let folder = self.path.parent().unwrap_or_else(|| Path::new(""));
        match key.kind.read(item, folder) {
            Ok(value) => {
                let line = self.line(span);
                self.read.values.insert(key.path, Placed { value, line });
            }
            Err(why) => self.problem(span, format!("`{path}`: {why}")),
        }
    }

    fn named(&mut self, name: &str, item: &Item, span: Option<Range<usize>>) {
        let number = item.as_integer().map(|number| number.to_string());
        match item.as_str().map(str::to_owned).or(number) {
            Some(text) => {
                let line = self.line(span);
                self.read.named.insert(name.to_owned(), (text, line));
            }
            None => {
                let found = item.type_name();
                self.problem(span, format!("`{name}`: found {found}, expected text in quotes"));
            }
        }
    }

    fn problem(&mut self, span: Option<Range<usize>>, what: String) {
        let line = self.line(span);
        self.read.problems.push(Problem { file: self.path.into(), line, what });
    }

    fn line(&self, span: Option<Range<usize>>) -> usize {
        let before = span.and_then(|span| self.text.get(..span.start));
        before.map_or(0, |before| before.matches('\n').count() + 1)
    }
}

impl Problem {
    /// Returns a problem with a line of a file, or with all of it.
    pub(crate) fn new(file: &Path, line: usize, what: String) -> Self {
        Self { file: file.into(), line, what }
    }
}

/// Returns `; did you mean ..?`, or nothing when no word comes near.
pub(crate) fn suggestion<'a>(wrong: &str, words: impl Iterator<Item = &'a str>) -> String {
    let last = |path: &'a str| path.rsplit('.').next().unwrap_or(path);
    // A key of the right name in no section or in a wrong one is meant as well.
    let name = wrong.rsplit('.').next().unwrap_or(wrong).to_lowercase();
    let likeness = |word: &'a str| {
        // What stands in the same section is compared by name alone.
        let (own, other) = (wrong.rsplit_once('.'), word.rsplit_once('.'));
        let whole = match (own, other) {
            (Some((here, _)), Some((there, tail))) if here == there => {
                strsim::jaro_winkler(&name, tail)
            }
            _ => strsim::jaro_winkler(&wrong.to_lowercase(), &word.to_lowercase()),
        };
        let tail = if last(word) == name { 1.0 } else { strsim::jaro_winkler(&name, last(word)) };
        if wrong.contains('.') && last(word) != name { whole } else { whole.max(tail) }
    };
    let best = words.map(|word| (likeness(word), word)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best.filter(|(likeness, _)| *likeness >= SIMILAR) {
        Some((_, word)) => format!("; did you mean `{word}`?"),
        None => String::new(),
    }
}
