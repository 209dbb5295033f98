//! Trees and indices against themselves.

use alloy_primitives::{Address, B256, U256, keccak256};
use proptest::prelude::*;
use weft_settlement::{
    BalanceTree, ExitTree, GlobalIndex, NullifierTree, Token, rollup_exit_root, root_of,
    sparse::sparse_root_of,
};

fn hash(seed: u32) -> B256 {
    keccak256(seed.to_be_bytes())
}

#[test]
fn empty_trees_have_the_roots_of_agglayer() {
    let root = |text: &str| text.parse::<B256>().unwrap();
    assert_eq!(
        ExitTree::default().root(),
        root("27ae5ba08d7291c96c8cbddcc148bf48a6d68c7974b94356f53754ef6171d757")
    );
    assert_eq!(
        BalanceTree::default().root(),
        root("b89931f7384aeddb5c136a679d54464007e2d828d4741bec626ff92aeb4b12d4")
    );
    assert_eq!(
        NullifierTree::default().root(),
        root("e2c3ed4052eeb1d60514b4c38ece8d73a27f37fa5b36dcbf338e70de95798caa")
    );
}

#[test]
fn a_rollup_stands_one_below_its_id() {
    let roots = [(1, hash(1)), (3, hash(3))].into();
    let expected = ExitTree::new(vec![hash(1), B256::ZERO, hash(3)]).root();
    assert_eq!(rollup_exit_root(&roots), expected);
}

#[test]
fn indices_with_unused_bits_are_refused() {
    let flag = U256::ONE << 64;
    for number in
        [flag | (U256::ONE << 32), U256::ONE << 65, U256::ONE << 255, flag * U256::from(3)]
    {
        assert!(GlobalIndex::decode(number).is_err(), "{number:#x}");
    }
    // Rollup 2^32 has no id.
    assert!(GlobalIndex::decode(U256::from(u64::from(u32::MAX) << 32)).is_err());
}

proptest! {
    #[test]
    fn every_leaf_has_its_path_and_no_other(leaves in 1_u32..40, at in any::<prop::sample::Index>()) {
        let tree = ExitTree::new((0..leaves).map(hash).collect());
        let index = at.index(leaves as usize) as u32;
        let path = tree.path(index).unwrap();
        prop_assert_eq!(root_of(&hash(index), index, &path), tree.root());
        prop_assert_ne!(root_of(&hash(index + 1), index, &path), tree.root());
        prop_assert_ne!(root_of(&hash(index), index ^ 1, &path), tree.root());
        prop_assert!(tree.path(leaves).is_none());
    }

    #[test]
    fn indices_survive_their_encoding(network in 0..u32::MAX, leaf: u32) {
        let index = GlobalIndex { network, leaf };
        prop_assert_eq!(GlobalIndex::decode(index.encode()), Ok(index));
    }

    #[test]
    fn balances_are_under_the_root(tokens in prop::collection::btree_set((0_u32..4, 0_u8..4), 1..6)) {
        let mut tree = BalanceTree::default();
        let token = |(network, byte): (u32, u8)| Token { network, address: Address::repeat_byte(byte) };
        for (amount, name) in (1_u64..).zip(&tokens) {
            tree.add(&token(*name), U256::from(amount)).unwrap();
        }
        for (amount, name) in (1_u64..).zip(&tokens) {
            let (token, amount) = (token(*name), U256::from(amount));
            let siblings = tree.siblings(&token);
            prop_assert_eq!(sparse_root_of(&token.key(), amount.into(), &siblings), tree.root());
            prop_assert!(tree.clone().take(&token, amount + U256::ONE).is_none());
        }
        for (amount, name) in (1_u64..).zip(&tokens) {
            tree.take(&token(*name), U256::from(amount)).unwrap();
        }
        prop_assert_eq!(tree.root(), BalanceTree::default().root());
    }
}
