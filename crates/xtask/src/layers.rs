//! Checks the directions of ARCHITECTURE.md against what the crates really depend on.

use crate::{
    command::{cargo, output},
    tally::Tally,
};
use serde_json::Value;

/// What one crate of the workspace may depend on.
#[derive(Debug, Clone, Copy)]
struct Layer {
    name: &'static str,
    /// Crates of the workspace it may use, in code and in tests.
    may_use: &'static [&'static str],
    /// Libraries it may use outside tests; `None` means any.
    libraries: Option<&'static [&'static str]>,
}

/// Libraries of the rules crates: Ethereum's words and encodings, and derive macros.
const RULES_LIBRARIES: Option<&[&str]> =
    Some(&["alloy-consensus", "alloy-eips", "alloy-primitives", "alloy-rlp", "serde", "thiserror"]);

/// Libraries of sealing: the rules crates' own, big numbers, the curve, and, in C, its products and GMP behind features.
const SEALING_LIBRARIES: Option<&[&str]> = Some(&[
    "alloy-primitives",
    "crypto-bigint",
    "crypto-primes",
    "gmp-mpfr-sys",
    "k256",
    "rug",
    "secp256k1",
    "thiserror",
    "zeroize",
]);

/// Libraries of commitments: the rules crates' own, and KZG behind a feature.
const COMMITMENT_LIBRARIES: Option<&[&str]> =
    Some(&["alloy-eips", "alloy-primitives", "blstrs", "c-kzg", "eip4844", "thiserror"]);

/// Every crate of the workspace; one without a row is refused.
const LAYERS: &[Layer] = &[
    Layer { name: "weft-types", may_use: &[], libraries: RULES_LIBRARIES },
    Layer { name: "weft-thread", may_use: &["weft-types"], libraries: RULES_LIBRARIES },
    // Items are found by index instead of a copy of their hashes.
    Layer {
        name: "weft-lane",
        may_use: &["weft-types"],
        libraries: Some(&["alloy-primitives", "hashbrown", "thiserror"]),
    },
    Layer { name: "weft-crypto", may_use: &["weft-types"], libraries: SEALING_LIBRARIES },
    Layer { name: "weft-commitment", may_use: &["weft-types"], libraries: COMMITMENT_LIBRARIES },
    Layer {
        name: "weft-decryptable",
        may_use: &["weft-types", "weft-crypto"],
        libraries: Some(&[
            "alloy-primitives",
            "ark-bn254",
            "ark-crypto-primitives",
            "ark-ec",
            "ark-ff",
            "ark-groth16",
            "ark-relations",
            "ark-serialize",
            "crypto-bigint",
            "rand_chacha",
            "thiserror",
            "zeroize",
        ]),
    },
    Layer {
        name: "weft-batch",
        may_use: &["weft-types", "weft-lane", "weft-crypto", "weft-commitment"],
        libraries: Some(&["alloy-primitives", "brotli-decompressor", "thiserror"]),
    },
    Layer { name: "weft-contracts", may_use: &[], libraries: None },
    // Its tests hold the contracts to it.
    Layer {
        name: "weft-settlement",
        may_use: &["weft-types", "weft-contracts"],
        libraries: RULES_LIBRARIES,
    },
    // One of its chains is a node.
    Layer {
        name: "weft-evm",
        may_use: &["weft-types", "weft-thread", "weft-contracts"],
        libraries: None,
    },
    Layer {
        name: "weft-derive",
        may_use: &[
            "weft-types",
            "weft-lane",
            "weft-crypto",
            "weft-commitment",
            "weft-batch",
            "weft-contracts",
            "weft-evm",
        ],
        libraries: None,
    },
    // Its tests let an honest sequencer make batches.
    Layer {
        name: "weft-statement",
        may_use: &[
            "weft-types",
            "weft-batch",
            "weft-evm",
            "weft-derive",
            "weft-settlement",
            "weft-lane",
            "weft-crypto",
            "weft-contracts",
        ],
        libraries: RULES_LIBRARIES,
    },
    Layer {
        name: "weft-l1",
        may_use: &[
            "weft-types",
            "weft-lane",
            "weft-batch",
            "weft-settlement",
            "weft-statement",
            "weft-contracts",
            "weft-evm",
            "weft-derive",
        ],
        libraries: None,
    },
    Layer { name: "weft-ethereum", may_use: &["weft-types", "weft-evm"], libraries: None },
    Layer { name: "weft-state", may_use: &["weft-types", "weft-evm"], libraries: None },
    Layer {
        name: "weft-executor",
        may_use: &["weft-types", "weft-thread", "weft-evm", "weft-contracts"],
        libraries: None,
    },
    Layer { name: "weft-journal", may_use: &[], libraries: None },
    Layer { name: "weft-promise", may_use: &["weft-types"], libraries: None },
    // A rules crate; its tests let honest lanes and keys make what must convict nobody.
    Layer {
        name: "weft-evidence",
        may_use: &["weft-types", "weft-lane", "weft-crypto", "weft-commitment", "weft-promise"],
        libraries: RULES_LIBRARIES,
    },
    // Its tests let an honest sequencer make batches.
    Layer {
        name: "weft-poster",
        may_use: &[
            "weft-types",
            "weft-batch",
            "weft-contracts",
            "weft-derive",
            "weft-l1",
            "weft-promise",
            "weft-settlement",
            "weft-statement",
            "weft-evm",
            "weft-state",
            "weft-lane",
            "weft-crypto",
        ],
        libraries: None,
    },
    Layer {
        name: "weft-bench",
        may_use: &[
            "weft-types",
            "weft-lane",
            "weft-crypto",
            "weft-promise",
            "weft-evm",
            "weft-contracts",
            "weft-state",
        ],
        libraries: None,
    },
    Layer {
        name: "weft-node",
        may_use: &[
            "weft-crypto",
            "weft-ethereum",
            "weft-state",
            "weft-executor",
            "weft-journal",
            "weft-promise",
            "weft-types",
            "weft-thread",
            "weft-lane",
            "weft-evm",
            "weft-contracts",
            "weft-batch",
            "weft-commitment",
            "weft-derive",
            "weft-evidence",
            "weft-settlement",
        ],
        libraries: None,
    },
    Layer {
        name: "weft-devl1",
        may_use: &["weft-contracts", "weft-ethereum", "weft-evm", "weft-node"],
        libraries: None,
    },
    Layer {
        name: "weft-client",
        may_use: &["weft-types", "weft-crypto", "weft-contracts", "weft-node"],
        libraries: None,
    },
    Layer {
        name: "weft-sim",
        may_use: &[
            "weft-executor",
            "weft-types",
            "weft-thread",
            "weft-lane",
            "weft-crypto",
            "weft-commitment",
            "weft-derive",
            "weft-statement",
            "weft-evidence",
            "weft-promise",
            "weft-evm",
            "weft-contracts",
        ],
        libraries: None,
    },
    Layer {
        name: "weft",
        may_use: &[
            "weft-commitment",
            "weft-ethereum",
            "weft-types",
            "weft-thread",
            "weft-lane",
            "weft-crypto",
            "weft-evm",
            "weft-contracts",
            "weft-state",
            "weft-executor",
            "weft-promise",
            "weft-evidence",
            "weft-bench",
            "weft-batch",
            "weft-settlement",
            "weft-poster",
            "weft-journal",
            "weft-node",
            "weft-client",
            "weft-devl1",
            "weft-l1",
            // Tests settle what an honest attester would sign, and then something else.
            "weft-derive",
            "weft-statement",
            "weft-sim",
        ],
        libraries: None,
    },
    Layer { name: "xtask", may_use: &[], libraries: Some(&["serde_json"]) },
];

/// Runs the check.
pub(crate) fn run(_: &mut Tally) -> Result<(), String> {
    let text = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let problems = problems(&metadata);
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// Returns a sentence for each crate without a row and each dependency that its row does not allow.
fn problems(metadata: &Value) -> Vec<String> {
    let packages = list(metadata, "packages");
    let members: Vec<&str> = packages.iter().map(|package| word(package, "name")).collect();
    let mut problems = Vec::new();
    for package in packages {
        let name = word(package, "name");
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            problems.push(format!(
                "{name} has no row in the layer table of crates/xtask/src/layers.rs"
            ));
            continue;
        };
        for dependency in list(package, "dependencies") {
            problems.extend(problem(layer, &members, dependency));
        }
    }
    problems
}

/// Returns why `layer` may not have this dependency.
fn problem(layer: &Layer, members: &[&str], dependency: &Value) -> Option<String> {
    let target = word(dependency, "name");
    // Cargo gives normal dependencies no kind.
    let kind = dependency["kind"].as_str().unwrap_or("normal");
    let name = layer.name;
    if members.contains(&target) {
        let allowed = layer.may_use.contains(&target) || (kind == "dev" && target == name);
        return (!allowed).then(|| {
            format!(
                "forbidden edge {name} -> {target} ({kind}): {name} may use {}; see ARCHITECTURE.md",
                in_words(layer.may_use)
            )
        });
    }
    let libraries =
        layer.libraries.filter(|libraries| kind != "dev" && !libraries.contains(&target))?;
    Some(format!(
        "forbidden library {target} in {name} ({kind}): {name} may use {}; see ARCHITECTURE.md",
        in_words(libraries)
    ))
}

fn in_words(names: &[&str]) -> String {
    if names.is_empty() { "no crate of the workspace".to_owned() } else { names.join(", ") }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn depends(package: &str, on: &str, kind: Option<&str>) -> Value {
        json!({ "packages": [
            { "name": package, "dependencies": [{ "name": on, "kind": kind }] },
            { "name": "weft-evm", "dependencies": [] },
            { "name": "weft-types", "dependencies": [] },
        ] })
    }

    #[test]
    fn layers_allow_what_the_table_names() {
        assert_eq!(problems(&depends("weft-thread", "weft-types", None)), Vec::<String>::new());
        assert_eq!(problems(&depends("weft-thread", "thiserror", None)), Vec::<String>::new());
        assert_eq!(
            problems(&depends("weft-thread", "proptest", Some("dev"))),
            Vec::<String>::new()
        );
    }

    #[test]
    fn layers_refuse_an_edge_that_points_up() {
        for kind in [None, Some("dev"), Some("build")] {
            let problems = problems(&depends("weft-thread", "weft-evm", kind));
            assert_eq!(problems.len(), 1);
            assert!(problems[0].starts_with("forbidden edge weft-thread -> weft-evm"));
            assert!(problems[0].contains("may use weft-types"));
        }
    }

    #[test]
    fn layers_refuse_an_unlisted_library_in_a_rules_crate() {
        for kind in [None, Some("build")] {
            let problems = problems(&depends("weft-thread", "rand", kind));
            assert_eq!(problems.len(), 1);
            assert!(problems[0].starts_with("forbidden library rand in weft-thread"));
        }
    }

    #[test]
    fn layers_refuse_a_crate_without_a_row() {
        let problems = problems(&depends("weft-new", "thiserror", None));
        assert!(problems[0].starts_with("weft-new has no row"));
    }

    #[test]
    fn layers_have_no_cycle() {
        for (place, layer) in LAYERS.iter().enumerate() {
            for used in layer.may_use {
                assert!(LAYERS[..place].iter().any(|below| below.name == *used), "{used}");
            }
        }
    }
}
