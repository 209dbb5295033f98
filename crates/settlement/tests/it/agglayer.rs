//! The vectors of `vectors/agglayer`.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde_json::Value;
use std::{fs, path::Path};
use weft_settlement::{
    BalanceTree, Certificate, Claim, Exit, ExitTree, GlobalIndex, ImportedExit, L1InfoLeaf,
    LeafType, MerkleProof, NullifierTree, PessimisticRoot, TREE_DEPTH, aggchain_hash,
    multisig_hash, root_of,
};

#[allow(clippy::disallowed_methods)] // The tests' own files are no input of the crate.
fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/agglayer").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().unwrap().parse().unwrap()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn hashes(value: &Value) -> Vec<B256> {
    list(value).iter().map(parsed).collect()
}

fn siblings(value: &Value) -> [B256; TREE_DEPTH] {
    hashes(value).try_into().unwrap()
}

/// A leaf as the contracts' vectors write it; all of them are transfers.
fn leaf(value: &Value) -> Exit {
    Exit {
        leaf_type: LeafType::Transfer,
        origin_network: number(&value["originNetwork"]),
        origin_address: parsed(&value["tokenAddress"]),
        destination_network: number(&value["destinationNetwork"]),
        destination_address: parsed(&value["destinationAddress"]),
        amount: parsed(&value["amount"]),
        metadata_hash: keccak256(parsed::<Bytes>(&value["metadata"])),
    }
}

#[test]
fn p42_leaves_hash_as_in_agglayer() {
    let vectors = read("leaf-vectors.json");
    assert!(!list(&vectors).is_empty());
    for vector in list(&vectors) {
        assert_eq!(leaf(vector).hash(), parsed::<B256>(&vector["leafValue"]));
    }
}

#[test]
fn p42_trees_have_the_roots_of_agglayer() {
    for vector in list(&read("root-vectors.json")) {
        let mut tree = ExitTree::new(hashes(&vector["previousLeafsValues"]));
        assert_eq!(tree.root(), parsed::<B256>(&vector["currentRoot"]));
        tree.push(parsed(&vector["newLeaf"]["currentLeafValue"])).unwrap();
        assert_eq!(tree.root(), parsed::<B256>(&vector["newRoot"]));
    }
    for vector in list(&read("l1-info-tree-root-vectors.json")) {
        let mut tree = ExitTree::new(hashes(&vector["previousLeafValues"]));
        assert_eq!(tree.root(), parsed::<B256>(&vector["currentRoot"]));
        tree.push(parsed(&vector["newLeafValue"])).unwrap();
        assert_eq!(tree.root(), parsed::<B256>(&vector["newRoot"]));
    }
}

#[test]
fn p42_paths_are_those_of_agglayer() {
    for vector in list(&read("claim-vectors.json")) {
        let exits: Vec<Exit> = list(&vector["leafs"]).iter().map(leaf).collect();
        let tree = ExitTree::new(exits.iter().map(Exit::hash).collect());
        let index = number(&vector["index"]);
        assert_eq!(tree.path(index), Some(siblings(&vector["proof"])));
        assert_eq!(tree.root(), parsed::<B256>(&vector["root"]));
        let found = root_of(&exits[index as usize].hash(), index, &siblings(&vector["proof"]));
        assert_eq!(found, tree.root());
    }
    for vector in list(&read("l1-info-tree-proof-vectors.json")) {
        let tree = ExitTree::new(hashes(&vector["leaves"]));
        let index = number(&vector["index"]);
        assert_eq!(tree.path(index), Some(siblings(&vector["proof"])));
        assert_eq!(tree.root(), parsed::<B256>(&vector["root"]));
    }
}

#[test]
fn p42_authorisations_hash_as_in_agglayer() {
    for vector in list(&read("multisig_hash_computation.json")["test_vectors"]) {
        let input = &vector["inputs"];
        let threshold = U256::from(input["threshold"].as_u64().unwrap());
        let signers: Vec<Address> = list(&input["signers"]).iter().map(parsed).collect();
        let expected: B256 = parsed(&vector["expected_output"]["multisig_hash"]);
        assert_eq!(multisig_hash(threshold, &signers), expected);
    }
    for vector in list(&read("aggchain_hash_computation.json")["test_vectors"]) {
        let field = |name: &str| parsed::<B256>(&vector["inputs"][name]);
        let found = aggchain_hash(
            &field("aggchain_vkey"),
            &field("aggchain_params"),
            &field("multisig_hash"),
        );
        let expected: B256 = parsed(&vector["expected_output"]["aggchain_hash"]);
        assert_eq!(found, expected);
    }
}

/// Three consecutive certificates that settled: every root after each of them.
#[test]
fn p42_certificates_lead_to_the_roots_of_agglayer() {
    let (mut exits, mut balances) = (ExitTree::default(), BalanceTree::default());
    let mut nullifiers = NullifierTree::default();
    let expected = read("expected.json");
    for (height, expected) in (0_u64..).zip(list(&expected)) {
        let certificate = certificate(&read(expected["file"].as_str().unwrap()));
        assert_eq!(certificate.height, height);
        assert_eq!(certificate.id(), parsed::<B256>(&expected["certificate_id"]));
        let l1_info_root: B256 = parsed(&list(&expected["l1_info_roots"])[0]);
        for import in &certificate.imported {
            import.claim.verify(&import.exit, import.index, &l1_info_root).unwrap();
            assert!(nullifiers.insert(import.index));
            assert!(!nullifiers.insert(import.index), "an exit is taken in once");
            let token = import.exit.token();
            if token.network != certificate.network {
                balances.add(&token, import.exit.amount).unwrap();
            }
        }
        for exit in &certificate.exits {
            exits.push(exit.hash()).unwrap();
            if exit.token().network != certificate.network {
                balances.take(&exit.token(), exit.amount).unwrap();
            }
        }
        assert_eq!(exits.root(), parsed::<B256>(&expected["new_ler"]));
        assert_eq!(balances.root(), parsed::<B256>(&expected["new_balance_root"]));
        assert_eq!(nullifiers.root(), parsed::<B256>(&expected["new_nullifier_root"]));
        let root = PessimisticRoot {
            balances: balances.root(),
            nullifiers: nullifiers.root(),
            exits: number(&expected["new_leaf_count"]),
            height: height + 1,
            network: certificate.network,
        };
        assert_eq!(root.v2(), parsed::<B256>(&expected["new_pp_root_v2"]));
        assert_eq!(root.v3(), parsed::<B256>(&expected["new_pp_root_v3"]));
    }
}

fn certificate(value: &Value) -> Certificate {
    Certificate {
        network: number(&value["network_id"]),
        height: value["height"].as_u64().unwrap(),
        prev_exit_root: parsed(&value["prev_local_exit_root"]),
        new_exit_root: parsed(&value["new_local_exit_root"]),
        exits: list(&value["bridge_exits"]).iter().map(exit).collect(),
        imported: list(&value["imported_bridge_exits"]).iter().map(imported).collect(),
        metadata: parsed(&value["metadata"]),
    }
}

fn exit(value: &Value) -> Exit {
    let token = &value["token_info"];
    Exit {
        leaf_type: match value["leaf_type"].as_str().unwrap() {
            "Transfer" => LeafType::Transfer,
            _ => LeafType::Message,
        },
        origin_network: number(&token["origin_network"]),
        origin_address: parsed(&token["origin_token_address"]),
        destination_network: number(&value["dest_network"]),
        destination_address: parsed(&value["dest_address"]),
        amount: parsed(&value["amount"]),
        metadata_hash: parsed(&value["metadata"]),
    }
}

fn imported(value: &Value) -> ImportedExit {
    let index = &value["global_index"];
    let rollup = number(&index["rollup_index"]);
    let network = if index["mainnet_flag"].as_bool().unwrap() { 0 } else { rollup + 1 };
    ImportedExit {
        exit: exit(&value["bridge_exit"]),
        claim: claim(&value["claim_data"]),
        index: GlobalIndex { network, leaf: number(&index["leaf_index"]) },
    }
}

fn claim(value: &Value) -> Claim {
    if let Some(mainnet) = value.get("Mainnet") {
        return Claim::Mainnet {
            leaf_to_mainnet: proof(&mainnet["proof_leaf_mer"]),
            global_to_l1: proof(&mainnet["proof_ger_l1root"]),
            l1_leaf: l1_leaf(&mainnet["l1_leaf"]),
        };
    }
    let rollup = &value["Rollup"];
    Claim::Rollup {
        leaf_to_local: proof(&rollup["proof_leaf_ler"]),
        local_to_rollups: proof(&rollup["proof_ler_rer"]),
        global_to_l1: proof(&rollup["proof_ger_l1root"]),
        l1_leaf: l1_leaf(&rollup["l1_leaf"]),
    }
}

fn proof(value: &Value) -> MerkleProof {
    MerkleProof { siblings: siblings(&value["proof"]["siblings"]), root: parsed(&value["root"]) }
}

fn l1_leaf(value: &Value) -> L1InfoLeaf {
    L1InfoLeaf {
        index: number(&value["l1_info_tree_index"]),
        rollups: parsed(&value["rer"]),
        mainnet: parsed(&value["mer"]),
        global: parsed(&value["inner"]["global_exit_root"]),
        block_hash: parsed(&value["inner"]["block_hash"]),
        timestamp: value["inner"]["timestamp"].as_u64().unwrap(),
    }
}

#[test]
fn p42_altered_claims_are_refused() {
    let certificate = certificate(&read("cert_h0.json"));
    let root: B256 = parsed(&list(&list(&read("expected.json"))[0]["l1_info_roots"])[0]);
    let ImportedExit { exit, claim, index } = &certificate.imported[0];
    claim.verify(exit, *index, &root).unwrap();
    let other = Exit { amount: exit.amount + U256::ONE, ..exit.clone() };
    assert!(claim.verify(&other, *index, &root).is_err());
    assert!(claim.verify(exit, GlobalIndex { leaf: index.leaf ^ 1, ..*index }, &root).is_err());
    assert!(
        claim.verify(exit, GlobalIndex { network: index.network ^ 1, ..*index }, &root).is_err()
    );
    assert!(claim.verify(exit, *index, &keccak256(root)).is_err());
    let mut forged = claim.clone();
    let (Claim::Mainnet { l1_leaf, .. } | Claim::Rollup { l1_leaf, .. }) = &mut forged;
    l1_leaf.timestamp += 1;
    assert!(forged.verify(exit, *index, &root).is_err());
    let (Claim::Mainnet { l1_leaf, .. } | Claim::Rollup { l1_leaf, .. }) = &mut forged;
    (l1_leaf.timestamp, l1_leaf.rollups.0[0]) = (l1_leaf.timestamp - 1, l1_leaf.rollups.0[0] ^ 1);
    assert!(forged.verify(exit, *index, &root).is_err());
}
