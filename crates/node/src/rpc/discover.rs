//! `rpc.discover`: what can be asked, in OpenRPC, read off the reference for people.

mod schema;

use super::errors::RpcResult;
use schema::schema;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// The reference. Every method stands in a table: name, what it takes, what it answers.
const REFERENCE: &str = include_str!("../../../../docs/reference/json-rpc.md");

/// A row of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: &'static str,
    takes: &'static str,
    answers: &'static str,
}

/// Returns the methods that the reference describes.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for line in REFERENCE.lines() {
        let Some(line) = line.strip_prefix("| `").and_then(|line| line.strip_suffix('|')) else {
            continue;
        };
        let mut cells = line.splitn(3, " |").map(str::trim);
        let (Some(names), Some(takes)) = (cells.next(), cells.next()) else { continue };
        let answers = cells.next().unwrap_or_default();
        let quoted = names.split('`').step_by(2);
        let named = quoted.filter(|name| name.contains(['_', '.']) && !name.contains('*'));
        rows.extend(named.map(|name| Row { name, takes, answers }));
    }
    rows
}

/// Returns how many parameters a method takes.
pub(super) fn most(name: &str) -> usize {
    static MOST: LazyLock<BTreeMap<&str, usize>> = LazyLock::new(|| {
        rows().into_iter().map(|row| (row.name, params(row.takes).len())).collect()
    });
    *MOST.get(name).expect("the reference describes every method")
}

/// Returns the name of a method that some port serves.
pub(super) fn name(asked: &str) -> Option<&'static str> {
    static NAMES: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| rows().into_iter().map(|row| row.name).collect());
    NAMES.get(asked).copied()
}

/// Returns the description of the methods that `serves` says are there.
pub(super) fn document(serves: impl Fn(&str) -> bool) -> RpcResult {
    let rows = rows();
    let methods = rows.iter().filter(|row| serves(row.name)).map(method);
    Ok(json!({
        "openrpc": "1.3.2",
        "info": { "title": "Weft", "version": env!("CARGO_PKG_VERSION") },
        "methods": methods.collect::<Vec<_>>(),
    }))
}

fn method(row: &Row) -> Value {
    json!({
        "name": row.name,
        "paramStructure": "by-position",
        "params": params(row.takes),
        "result": { "name": "result", "description": row.answers, "schema": {} },
    })
}

/// Reads names apart at commas outside of brackets; a question mark makes one optional.
fn params(takes: &str) -> Vec<Value> {
    let (mut depth, mut names) = (0_i32, vec![String::new()]);
    for letter in takes.chars() {
        match letter {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth -= 1,
            _ => {}
        }
        if letter == ',' && depth == 0 {
            names.push(String::new());
        } else if let Some(name) = names.last_mut() {
            name.push(letter);
        }
    }
    let names = names.iter().map(|name| name.trim().replace('`', ""));
    let shown = names.filter(|name| !name.is_empty() && name != "-");
    shown
        .map(|name| {
            let is_required = !name.ends_with('?');
            let name = name.trim_end_matches('?');
            json!({ "name": name, "required": is_required, "schema": schema(name) })
        })
        .collect()
}
