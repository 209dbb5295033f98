//! Stories of rollups alone, told once more on a realm with L1: what L1 holds is what happened, a stranger derives it, and it settles
//! (S3, S14).

use crate::{
    chain::on_both,
    operated::{ETHER, Node, Story, Terms},
    posting::{signed, signed_transfer},
    sealed::{Member, outcome},
    support::{ALICE, ALICE_KEY, BOB},
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue as _};
use serde_json::{Value, json};
use weft_contracts::{CrossChainToken, FeeVault, addresses::FEE_VAULT};
use weft_crypto::{
    Carriage, DelayScheme as _, Envelope, EpochKeyScheme, GasBucket, KeyList, Setup, SizeBucket,
};
use weft_node::DEV_ACCOUNTS;
use weft_types::{Domain, Encode as _, NetworkId, SlotNumber};

on_both!(
    s3_what_is_burned_here_and_minted_there_is_so_on_l1,
    s14_what_holds_no_item_is_removed_and_charged_on_l1_too
);

/// Makes an envelope one that holds nothing.
type Spoil = fn(&mut Envelope);

const SENT: u64 = 25_000;
const CHAINS: [u64; 2] = [901, 902];

/// Returns a creation or a call by Alice, in hex.
fn raw(chain: usize, nonce: u64, to: TxKind, input: impl Into<Bytes>) -> String {
    signed(ALICE_KEY, (CHAINS[chain], nonce), (to, input.into()), U256::ZERO, 3_000_000)
}

/// Returns Alice's next nonce.
fn next(story: &Story, node: &Node, chain: usize) -> u64 {
    let count = json!([ALICE, "pending"]);
    let count = story.ask(&node.urls[chain], "eth_getTransactionCount", count);
    serde_json::from_value::<U256>(count).unwrap().to()
}

/// The token on both rollups; the form on the second mints only for the first one's if `are_peers`.
fn tokens(story: &Story, node: &Node, are_peers: bool) -> [Address; 2] {
    let named = (String::from("Test USDC"), String::from("TUSDC"), U256::from(6));
    let creation = [CrossChainToken::BYTECODE.as_ref(), &named.abi_encode_params()].concat();
    let nonces = [0, 1].map(|chain| next(story, node, chain));
    let forms = [0, 1].map(|chain: usize| {
        let made = raw(chain, nonces[chain], TxKind::Create, creation.clone());
        let sent = story.send(&node.urls[chain], &made);
        serde_json::from_value::<Address>(sent["contractAddress"].clone()).unwrap()
    });
    for (chain, other) in [(0, 1), (1, 0)] {
        let network = CHAINS[other];
        let token = if chain == 1 && !are_peers { Address::ZERO } else { forms[other] };
        let peer = CrossChainToken::setPeerCall { network, token }.abi_encode();
        let to = TxKind::Call(forms[chain]);
        story.send(&node.urls[chain], &raw(chain, nonces[chain] + 1, to, peer));
    }
    let to = ALICE.parse().unwrap();
    let mint = CrossChainToken::mintCall { to, amount: U256::from(4 * SENT) }.abi_encode();
    story.send(&node.urls[0], &raw(0, nonces[0] + 2, TxKind::Call(forms[0]), mint));
    forms
}

/// Returns what all have of a token on its rollup.
fn supplies(story: &Story, node: &Node, forms: [Address; 2]) -> [u64; 2] {
    [0, 1].map(|chain| {
        let data = Bytes::from(CrossChainToken::totalSupplyCall {}.abi_encode());
        let call = json!([{ "to": forms[chain], "data": data }, "latest"]);
        let supply = story.ask(&node.urls[chain], "eth_call", call);
        serde_json::from_value::<U256>(supply).unwrap().to()
    })
}

fn send(forms: [Address; 2], nonce: u64) -> String {
    let (to, amount) = (BOB.parse().unwrap(), U256::from(SENT));
    let call = CrossChainToken::sendCall { network: CHAINS[1], to, amount }.abi_encode();
    raw(0, nonce, TxKind::Call(forms[0]), call)
}

fn s3_what_is_burned_here_and_minted_there_is_so_on_l1(client: crate::chain::Client) {
    let story = Story::of(&Terms { client, ..Terms::default() });
    let node = story.start();
    let nonce = || next(&story, &node, 0);
    let forms = tokens(&story, &node, true);
    let sent = send(forms, nonce());
    story.send(&node.urls[0], &sent);
    story.until("both blocks", || supplies(&story, &node, forms) == [3 * SENT, SENT]);
    // The same signature on the other rollup, and a second time.
    for url in &node.urls {
        story.try_ask(url, "eth_sendRawTransaction", json!([sent])).unwrap_err();
    }
    // Where nothing mints nothing is burned.
    let strangers = tokens(&story, &node, false);
    let failed =
        story.ask(&node.urls[0], "eth_sendRawTransactionSync", json!([send(strangers, nonce())]));
    assert_eq!(failed["status"], "0x0", "{failed}");
    story.until("its block", || supplies(&story, &node, strangers) == [4 * SENT, 0]);

    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);
    assert_eq!(supplies(&story, &node, forms), [3 * SENT, SENT]);
    node.stop();
}

/// The key of the epoch that takes envelopes, as a client reads it.
struct Key {
    domain: Domain,
    list: KeyList,
}

impl Key {
    fn read(story: &Story, node: &Node) -> Option<Self> {
        let url = &node.urls[0];
        let found = story.try_ask(url, "weft_keyList", json!([])).ok()?;
        let bytes = |name: &str| serde_json::from_value::<Bytes>(found[name].clone()).ok();
        let domain = domain(&story.ask(url, "weft_getPromiseKey", json!([]))["domain"]);
        let setup = Setup::decode(&bytes("setup")?).unwrap();
        let list = KeyList::decode(&setup, &domain, &bytes("list")?).unwrap();
        Some(Self { domain, list })
    }

    fn seal(&self, plaintext: &[u8]) -> Envelope {
        let carriage = Carriage {
            payer: BOB.parse().unwrap(),
            deposit: NetworkId::new(901),
            rollup: None,
            epoch: self.list.epoch(),
            valid_until: SlotNumber::new(u64::MAX),
            size: SizeBucket::for_len(plaintext.len()).unwrap(),
            gas: GasBucket::new(7).unwrap(),
            max_fee_wei: ETHER,
        };
        let entropy = keccak256(plaintext);
        EpochKeyScheme::new(&self.list).encrypt(&carriage, plaintext, &entropy).unwrap()
    }

    /// Sends an envelope; nothing when its epoch is over.
    fn send(&self, story: &Story, node: &Node, envelope: &Envelope) -> Option<Value> {
        let payer = DEV_ACCOUNTS.iter().find(|it| it.address == envelope.carriage.payer);
        let signature = payer.expect("Bob pays").sign_hash(envelope.id(&self.domain)).unwrap();
        let params = json!([Bytes::from(envelope.encode()), Bytes::from(signature)]);
        let sent = story.try_ask(&node.urls[0], "weft_sendSealed", params).ok()?;
        Some(sent["item"].clone())
    }
}

fn domain(found: &Value) -> Domain {
    Domain {
        l1_chain_id: found["l1ChainId"].as_u64().unwrap(),
        settlement: serde_json::from_value(found["settlement"].clone()).unwrap(),
        realm: found["realm"].as_u64().unwrap(),
        ..Domain::dev()
    }
}

fn deposit_of(story: &Story, node: &Node) -> U256 {
    let data = Bytes::from(FeeVault::depositOfCall { payer: BOB.parse().unwrap() }.abi_encode());
    let found =
        story.ask(&node.urls[0], "eth_call", json!([{ "to": FEE_VAULT, "data": data }, "latest"]));
    serde_json::from_value(found).unwrap()
}

fn s14_what_holds_no_item_is_removed_and_charged_on_l1_too(client: crate::chain::Client) {
    let story = Story::of(&Terms { client, epoch: Some(40), ..Terms::default() });
    let node = story.start();
    let member = Member::start(&story, &node);
    let payer = BOB.parse().unwrap();
    let to = (TxKind::Call(FEE_VAULT), FeeVault::depositCall { payer }.abi_encode().into());
    story.send(&node.urls[0], &signed(ALICE_KEY, (901, 0), to, U256::from(ETHER), 200_000));
    story.until("the deposit is there", || deposit_of(&story, &node) == U256::from(ETHER));

    let good = hex_bytes(&signed_transfer(902, 0));
    let kinds: [(&str, Spoil); 3] = [
        ("Undecryptable", |envelope| envelope.masked_seed ^= B256::repeat_byte(1)),
        // As when somebody takes another one's ciphertext: what is readable is bound.
        ("Undecryptable", |envelope| envelope.carriage.max_fee_wei -= 1),
        ("Malformed", |_| {}),
    ];
    let mut items = Vec::new();
    for (index, (cause, spoil)) in kinds.into_iter().enumerate() {
        let plain = if cause == "Malformed" {
            b"no item".to_vec()
        } else {
            [&good[..], &[index as u8]].concat()
        };
        let mut item = None;
        story.until("an epoch has a key", || {
            item = Key::read(&story, &node).and_then(|key| {
                let mut envelope = key.seal(&plain);
                spoil(&mut envelope);
                key.send(&story, &node, &envelope)
            });
            item.is_some()
        });
        items.push((item.unwrap(), cause));
    }
    for (item, cause) in &items {
        let found = outcome(&story, &node, item);
        assert_eq!(
            (&found["outcome"], &found["cause"]),
            (&json!("removed"), &json!(cause)),
            "{found}"
        );
    }
    story.until("who sent it pays", || deposit_of(&story, &node) < U256::from(ETHER));

    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);
    drop(member);
    node.stop();
}

fn hex_bytes(text: &str) -> Vec<u8> {
    text.parse::<Bytes>().unwrap().to_vec()
}
