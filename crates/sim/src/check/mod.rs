//! What must hold in every history. Each checker computes its expectation by a way of its own.

pub(crate) mod blocks;
pub(crate) mod collapse;
pub(crate) mod conservation;
pub(crate) mod elsewhere;
pub(crate) mod model;
pub(crate) mod replay;
pub(crate) mod threads;
pub(crate) mod watched;

use thiserror::Error;

/// A checker's finding.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{checker}: {text}")]
pub(crate) struct Violation {
    pub(crate) checker: &'static str,
    pub(crate) text: String,
}

/// What a checker says.
pub(crate) type Verdict = Result<(), Violation>;

/// Refuses unless `holds`.
pub(crate) fn require(
    holds: bool,
    checker: &'static str,
    text: impl FnOnce() -> String,
) -> Verdict {
    if holds { Ok(()) } else { Err(Violation { checker, text: text() }) }
}

/// Refuses unless two values agree.
pub(crate) fn agree<T: PartialEq + std::fmt::Debug>(
    checker: &'static str,
    what: impl FnOnce() -> String,
    declared: &T,
    computed: &T,
) -> Verdict {
    require(declared == computed, checker, || {
        format!("{}: declared {declared:?}, computed {computed:?}", what())
    })
}

/// Refuses unless two lists agree, and says where they part.
pub(crate) fn agree_in_order<T: PartialEq + std::fmt::Debug>(
    checker: &'static str,
    what: impl FnOnce() -> String,
    declared: &[T],
    computed: &[T],
) -> Verdict {
    require(declared == computed, checker, || {
        let common = declared.iter().zip(computed).take_while(|(one, two)| one == two).count();
        let (one, two) = (declared.get(common), computed.get(common));
        let lens = format!("{} and {} entries", declared.len(), computed.len());
        format!("{}: {lens}, entry {common} declared {one:?}, computed {two:?}", what())
    })
}
