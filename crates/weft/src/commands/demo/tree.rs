//! The call tree of a story, over all its rollups.

use super::report::{Report, WIDTH};
use crate::style::{chain, dim};
use serde_json::{Value, json};

/// Something that happened, and what happened inside it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    chain_id: u64,
    text: String,
    /// Amount, at the right edge.
    note: String,
    /// True for a call that crosses to another rollup.
    crosses: bool,
    inside: Vec<Self>,
}

impl Step {
    /// Something that happened on rollup `chain_id`.
    pub(super) fn new(chain_id: u64, text: impl Into<String>, note: impl Into<String>) -> Self {
        let (text, note) = (text.into(), note.into());
        Self { chain_id, text, note, crosses: false, inside: Vec::new() }
    }

    /// A call into rollup `chain_id`.
    pub(super) fn crossing(
        chain_id: u64,
        text: impl Into<String>,
        note: impl Into<String>,
        inside: Vec<Self>,
    ) -> Self {
        Self { crosses: true, inside, ..Self::new(chain_id, text, note) }
    }

    /// Returns the step with more inside it.
    pub(super) fn with(mut self, inside: Vec<Self>) -> Self {
        self.inside.extend(inside);
        self
    }

    /// Prints the tree.
    pub(super) fn print(&self, report: &Report) {
        self.print_line(report, "");
        self.print_inside(report, "");
    }

    fn print_inside(&self, report: &Report, indent: &str) {
        for (index, step) in self.inside.iter().enumerate() {
            let last = index + 1 == self.inside.len();
            let arm = match (last, step.crosses) {
                (false, false) => "├─ ",
                (true, false) => "└─ ",
                (false, true) => "├─▶ ",
                (true, true) => "└─▶ ",
            };
            step.print_line(report, &format!("{indent}{arm}"));
            let rail = if last { "    " } else { "│   " };
            step.print_inside(report, &format!("{indent}{rail}"));
        }
    }

    fn print_line(&self, report: &Report, prefix: &str) {
        if self.note.is_empty() {
            let id = chain(self.chain_id);
            return report.line(format_args!("  {id:<3}  {}{}", dim(prefix), self.text));
        }
        let used = 7 + prefix.chars().count() + self.text.chars().count();
        let gap = WIDTH.saturating_sub(used + self.note.chars().count()).max(1);
        let id = chain(self.chain_id);
        report.line(format_args!(
            "  {id:<3}  {}{}{:gap$}{}",
            dim(prefix),
            self.text,
            "",
            self.note
        ));
    }

    /// Returns the tree as JSON.
    pub(super) fn to_json(&self) -> Value {
        let inside: Vec<Value> = self.inside.iter().map(Self::to_json).collect();
        json!({
            "chainId": self.chain_id,
            "what": self.text,
            "note": self.note,
            "crosses": self.crosses,
            "inside": inside,
        })
    }
}
