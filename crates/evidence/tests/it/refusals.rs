//! What looks like evidence and is none, with the reason.

use crate::{
    cases::{
        by_items, by_openings, by_record, clear, closed, cut, inserted, nothing_inside, promised,
        reordered, replaced, share, single,
    },
    world::*,
};
use alloy_primitives::{B256, Bytes};
use weft_crypto::{DelayScheme as _, EpochKeyScheme, FalseClaim};
use weft_evidence::{
    Content, Ending, EpochNotice, Evidence, NotEvidence, Proof, Release, Shown, Stretch,
};
use weft_types::{
    CodecError, Decode, Encode, Item, OrderPromise, Position, PromiseError, RemovalCause, Section,
    SignedPromise, SlotNumber, Statement,
};

fn refused(proof: Proof) -> NotEvidence {
    Evidence::new(domain(), proof).check(&registry()).unwrap_err()
}

fn omission(index: u32, shown: Shown) -> NotEvidence {
    refused(Proof::Omission(Box::new(promised().promise(index)), Box::new(shown)))
}

fn insertion(index: u32, shown: Shown) -> NotEvidence {
    refused(Proof::Insertion(Box::new(promised().promise(index)), Box::new(shown)))
}

fn reordering(index: u32, shown: Shown, at: u32, before: B256) -> NotEvidence {
    refused(Proof::Reordering(Box::new(promised().promise(index)), Box::new(shown), at, before))
}

#[test]
fn a_kept_order_is_no_evidence_however_it_is_shown() {
    let kept = promised();
    for index in 0..6 {
        let ways = [
            by_items(&kept, 0),
            by_items(&kept, index),
            by_record(&kept, index),
            by_openings(&kept, &[index.saturating_sub(1), index][usize::from(index == 0)..]),
        ];
        for shown in ways {
            assert_eq!(omission(index, shown.clone()), NotEvidence::Consistent);
            assert_eq!(insertion(index, shown), NotEvidence::Consistent);
        }
    }
}

#[test]
fn an_open_section_may_still_grow() {
    let hidden = NotEvidence::NotShown("that the section ends before the item");
    assert_eq!(omission(4, by_items(&cut(), 0)), hidden);
    assert_eq!(omission(4, by_items(&cut(), 3)), hidden);
}

#[test]
fn each_fault_needs_its_own_difference() {
    // Everything after an insertion is displaced, but only what stands at the place was left out.
    let before = NotEvidence::NotShown("that everything before the item is as promised");
    assert_eq!(omission(4, by_items(&inserted(), 0)), before);
    // A replaced item has the promised past.
    assert_eq!(insertion(3, by_items(&replaced(), 0)), NotEvidence::Consistent);
    let hidden = NotEvidence::NotShown("what stands before the item");
    assert_eq!(insertion(3, by_items(&inserted(), 4)), hidden);
    assert_eq!(omission(3, by_openings(&replaced(), &[3])), hidden);
    let place = NotEvidence::NotShown("what stands at the promised place");
    assert_eq!(omission(3, by_openings(&replaced(), &[2])), place);
}

#[test]
fn an_item_moved_only_if_it_stands_elsewhere_and_its_place_is_taken() {
    let row = reordered();
    let elsewhere = NotEvidence::NotShown("that the item stands there");
    assert_eq!(reordering(2, by_items(&row, 0), 3, row.chain(3)), elsewhere);
    assert_eq!(reordering(2, by_items(&row, 0), 4, B256::ZERO), elsewhere);
    assert_eq!(reordering(2, by_items(&row, 0), 40, row.chain(4)), elsewhere);
    assert_eq!(reordering(2, by_items(&row, 0), u32::MAX, row.chain(4)), elsewhere);
    let same = NotEvidence::Unrelated("the place is the promised one");
    assert_eq!(reordering(2, by_items(&row, 0), 2, row.chain(2)), same);
    // Ordered again after its removal, the item has two places, both as promised.
    let mut again = promised();
    again.items.push(again.items[2]);
    let twice = reordering(2, by_items(&again, 0), 6, again.chain(6));
    assert_eq!(twice, NotEvidence::Consistent);
}

#[test]
fn items_that_do_not_lead_to_the_signed_end_show_nothing() {
    let row = replaced();
    let word = row.checkpoint();
    let good = row.stretch(2);
    let mut other = good.clone();
    other.items[2] = B256::ZERO;
    let mut short = good.clone();
    short.items.pop();
    let wrong = [
        other,
        short,
        Stretch { before: B256::ZERO, ..good.clone() },
        Stretch { from: 1, ..good.clone() },
        Stretch { from: u32::MAX, ..good.clone() },
        // From the start, with a past of the accuser's own.
        Stretch { from: 0, before: row.chain(2), items: good.items },
    ];
    for stretch in wrong {
        let shown = Shown::Items(Ending { word: word.clone(), past: vec![] }, stretch);
        assert_eq!(omission(3, shown), NotEvidence::NotShown("the items up to the end"));
    }
    let mut openings = row.openings(&[2, 3]);
    openings[1].opening.element = promised().openings(&[3])[0].opening.element;
    let shown = Shown::Openings(row.commitment(), openings);
    let hidden = NotEvidence::NotShown("the elements that are said to be opened");
    assert_eq!(omission(3, shown), hidden);
}

#[test]
fn a_past_is_one_that_the_word_names() {
    let row = cut();
    let (word, past) = row.closed(2);
    let end = row.stretch(3);
    let shown = |word: &SignedPromise, past: &[_]| {
        Shown::Items(Ending { word: word.clone(), past: past.to_vec() }, end.clone())
    };
    let rests = NotEvidence::NotShown("the closed slots that the word rests on");
    assert_eq!(omission(4, shown(&word, &past[1..])), rests);
    let mut altered = past.clone();
    altered[2].record.plaintext = 2;
    assert_eq!(omission(4, shown(&word, &altered)), rests);
    let mut altered = past.clone();
    altered[2].header.number = SLOT.next();
    assert_eq!(omission(4, shown(&word, &altered)), rests);
    let slots = NotEvidence::Unrelated("promise and word are of two slots");
    assert_eq!(omission(4, shown(&word, &past[..2])), slots);
    let order = row.promise(1);
    let names = NotEvidence::NotShown("the past of a word that names none");
    assert_eq!(omission(4, shown(&order, &past)), names);
}

#[test]
fn words_of_two_keys_convict_nobody() {
    let (one, other) = (promised().order(3), replaced().order(3));
    let words = [promise(Statement::Order(one), KEY), promise(Statement::Order(other), OTHER)];
    let mut both = registry();
    both.sequencers.insert(address(OTHER));
    let keys = |error| matches!(error, NotEvidence::Keys(..));
    let pair = Proof::Promises(Box::new(words.clone()));
    assert!(keys(Evidence::new(domain(), pair).check(&both).unwrap_err()));
    let Shown::Items(mut ending, stretch) = by_items(&replaced(), 2) else { panic!("items") };
    ending.word = promise(ending.word.statement.clone(), OTHER);
    let proof =
        Proof::Omission(Box::new(words[0].clone()), Box::new(Shown::Items(ending, stretch)));
    assert!(keys(Evidence::new(domain(), proof).check(&both).unwrap_err()));
    // A key of somebody else's for the envelope.
    let mut sealed = sealed(&single());
    sealed.notice = signed(notice(&epoch().0), OTHER);
    let promise =
        result_promise(sealed.envelope.id(&domain()), vec![], Some(RemovalCause::Undecryptable));
    let proof = Proof::FalseVerdict(Box::new(promise), closed(sealed));
    assert!(keys(Evidence::new(domain(), proof).check(&both).unwrap_err()));
}

#[test]
fn promises_that_bind_nobody_convict_nobody() {
    let flawed = OrderPromise { chain: B256::ZERO, ..promised().order(3) };
    let pair = [promise(Statement::Order(flawed), KEY), replaced().promise(3)];
    let error = refused(Proof::Promises(Box::new(pair)));
    assert!(matches!(error, NotEvidence::Promise(PromiseError::Flaw(_))));
    assert_eq!(
        refused(Proof::Promises(Box::new([promised().promise(3), promised().promise(4)]))),
        NotEvidence::Consistent
    );
    let foreign = SignedPromise { domain: weft_types::Domain::dev(), ..promised().promise(3) };
    let error = refused(Proof::Promises(Box::new([foreign, replaced().promise(3)])));
    assert_eq!(error, NotEvidence::Domain);
}

#[test]
fn sections_without_a_chain_have_no_place_to_lose() {
    let position = Position { slot: SLOT, section: Section::L1Born, index: 2 };
    let order =
        OrderPromise { position, prev_chain: B256::ZERO, chain: B256::ZERO, ..promised().order(2) };
    let promise = Box::new(promise(Statement::Order(order), KEY));
    let none = NotEvidence::Unrelated("a section without a chain");
    for shown in [by_openings(&cut(), &[]), by_record(&cut(), 3), by_items(&cut(), 0)] {
        assert_eq!(refused(Proof::Omission(promise.clone(), Box::new(shown.clone()))), none);
        assert_eq!(refused(Proof::Insertion(promise.clone(), Box::new(shown))), none);
    }
}

#[test]
fn results_that_a_fold_gives_are_no_evidence() {
    let (bundle, id) = (bundle(), Item::Bundle(bundle()).hash(&domain()));
    let content = clear(Item::Bundle(bundle.clone()));
    let [first, second] = [&bundle.legs()[0], &bundle.legs()[1]];
    let honest = [
        vec![promised_leg(0, first, true), promised_leg(1, second, true)],
        // The second leg may revert; and a leg that runs elsewhere is not named.
        vec![promised_leg(0, first, true), promised_leg(1, second, false)],
        vec![promised_leg(0, first, true)],
        vec![],
    ];
    for legs in honest {
        let promise = Box::new(result_promise(id, legs, None));
        let unbundled = refused(Proof::Unbundling(promise.clone(), content.clone()));
        assert_eq!(unbundled, NotEvidence::Consistent);
        assert_eq!(refused(Proof::WrongLeg(promise, content.clone())), NotEvidence::Consistent);
    }
    let alone = Item::Transaction(leg(901, 1, Bytes::new(), false));
    let failed = vec![promised_leg(0, &alone.legs()[0], false)];
    let promise = Box::new(result_promise(alone.hash(&domain()), failed, None));
    let unbundled = refused(Proof::Unbundling(promise.clone(), clear(alone)));
    assert_eq!(unbundled, NotEvidence::Consistent);
    assert!(matches!(refused(Proof::Unbundling(promise, content)), NotEvidence::OtherItem { .. }));
}

#[test]
fn p11_only_a_seed_refutes_a_verdict() {
    let honest = sealed(&single());
    let id = honest.envelope.id(&domain());
    let verdict = |content: Content, cause| {
        let promise = result_promise(content.id(&domain()), vec![], Some(cause));
        refused(Proof::FalseVerdict(Box::new(promise), content))
    };
    let undecryptable = RemovalCause::Undecryptable;
    let mut guessed = honest.clone();
    guessed.seed = B256::repeat_byte(1);
    assert_eq!(verdict(closed(guessed), undecryptable), NotEvidence::Seal(FalseClaim::Seed));
    // Other causes are not refuted by a seed: what was opened may fail, be too expensive, or come too late.
    for cause in [RemovalCause::Invalid, RemovalCause::Failed, RemovalCause::Late] {
        assert_eq!(verdict(closed(honest.clone()), cause), NotEvidence::Consistent);
    }
    // A ciphertext under a key of the accuser's own, which the sequencer never named.
    let (other, _) = key_list(9);
    let carriage = weft_crypto::Carriage { epoch: 9, ..carriage(5) };
    let foreign = EpochKeyScheme::new(&other).encrypt(&carriage, b"hello", &B256::ZERO).unwrap();
    let mut content = honest.clone();
    content.envelope = foreign;
    let epochs = NotEvidence::Unrelated("envelope and key are of two epochs");
    assert_eq!(verdict(closed(content.clone()), undecryptable), epochs);
    content.envelope.carriage.epoch = EPOCH;
    let key = NotEvidence::Unrelated("the envelope is sealed to another key");
    assert_eq!(verdict(closed(content), undecryptable), key);
    let clear_item = result_promise(single().hash(&domain()), vec![], Some(undecryptable));
    assert_eq!(
        refused(Proof::FalseVerdict(Box::new(clear_item), clear(single()))),
        NotEvidence::Unrelated("the item is not sealed")
    );
    let order = OrderPromise { item: id, ..promised().order(0) };
    let order = OrderPromise { chain: weft_types::chain_next(&order.prev_chain, 0, &id), ..order };
    let order = promise(Statement::Order(order), KEY);
    assert_eq!(
        refused(Proof::FalseVerdict(Box::new(order), closed(honest))),
        NotEvidence::Unrelated("not the promise of a result")
    );
}

#[test]
fn an_envelope_is_stale_only_where_it_was_ordered() {
    let stale = |section, valid_until| {
        let mut envelope = seal(b"x");
        envelope.carriage.valid_until = SlotNumber::new(valid_until);
        let row = Row { section, items: vec![envelope.id(&domain())] };
        refused(Proof::StaleInclusion(Box::new(row.promise(0)), Box::new(envelope)))
    };
    assert_eq!(stale(Section::Sealed, SLOT.get()), NotEvidence::Consistent);
    assert_eq!(stale(Section::Sealed, u64::MAX), NotEvidence::Consistent);
    let elsewhere = NotEvidence::Unrelated("not a place in the sealed section");
    assert_eq!(stale(Section::Plaintext, 1), elsewhere);
}

#[test]
fn p17_a_secret_is_early_only_while_its_epoch_is_open() {
    let (secret, dealt) = share(EPOCH, 1);
    let leak = |notice, secret| refused(Proof::EarlyLeak(Box::new(notice), secret));
    let own = signed(dealt, member_key(2));
    let missing = NotEvidence::FactMissing("that the epoch is open");
    assert_eq!(leak(own, secret.to_bytes()), missing);
    let hidden = NotEvidence::NotShown("that the secret is the share's");
    for wrong in [[0; 32], [9; 32], [0xff; 32]] {
        assert_eq!(leak(signed(share(8, 1).1, member_key(2)), wrong), hidden);
    }
    // A point of a known secret, published in the member's name by somebody else.
    let framed = leak(signed(share(8, 1).1, KEY), share(8, 1).0.to_bytes());
    assert_eq!(framed, NotEvidence::UnknownMember { member: 2, key: address(KEY) });
}

#[test]
fn one_word_said_twice_is_one_word() {
    let list = notice(&epoch().0);
    let same = [signed(list, KEY); 2];
    assert_eq!(refused(Proof::EpochNotices(Box::new(same))), NotEvidence::Consistent);
    let next = EpochNotice { epoch: EPOCH + 1, ..list };
    let epochs = [signed(list, KEY), signed(next, KEY)];
    let unrelated = NotEvidence::Unrelated("keys of two epochs");
    assert_eq!(refused(Proof::EpochNotices(Box::new(epochs))), unrelated);
    let dealt = |epoch| signed(share(epoch, 1).1, member_key(2));
    let unrelated = NotEvidence::Unrelated("shares of two members, epochs or setups");
    assert_eq!(refused(Proof::ShareNotices(Box::new([dealt(7), dealt(8)]))), unrelated);
    assert_eq!(refused(Proof::ShareNotices(Box::new([dealt(7); 2]))), NotEvidence::Consistent);
    let release = |list, head| signed(Release { list, member: 2, head }, member_key(2));
    let one = release(B256::ZERO, B256::ZERO);
    assert_eq!(refused(Proof::Releases(Box::new([one; 2]))), NotEvidence::Consistent);
    let other = release(B256::repeat_byte(1), B256::repeat_byte(1));
    let unrelated = NotEvidence::Unrelated("releases of two members or key lists");
    assert_eq!(refused(Proof::Releases(Box::new([one, other]))), unrelated);
    let commitments = [promised().commitment(), promised().commitment()];
    assert_eq!(refused(Proof::Commitments(Box::new(commitments))), NotEvidence::Consistent);
}

#[test]
fn a_pair_has_one_order() {
    let pair = [promised().promise(3), replaced().promise(3)];
    let [one, other] = [pair.clone(), [pair[1].clone(), pair[0].clone()]]
        .map(|pair| Evidence::new(domain(), Proof::Promises(Box::new(pair))));
    assert_eq!(one, other);
    let Proof::Promises(pair) = one.proof() else { panic!("promises") };
    let mut swapped = domain().encode();
    swapped.push(1);
    for promise in [&pair[1], &pair[0]] {
        let bytes = promise.encode();
        swapped.extend(&bytes[domain().encode().len()..]);
    }
    let refused = Err(CodecError::NotCanonical("pair out of order"));
    assert_eq!(Evidence::decode(&swapped), refused);
}

#[test]
fn p11_a_removal_as_malformed_is_right_for_what_breaks_its_carriage() {
    let claim = |sealed: weft_evidence::SealedContent| {
        let cause = Some(RemovalCause::Malformed);
        let promise = result_promise(sealed.envelope.id(&domain()), vec![], cause);
        refused(Proof::FalseVerdict(Box::new(promise), closed(sealed)))
    };
    let resealed = |change: &dyn Fn(&mut weft_crypto::Carriage)| {
        let plaintext = single().encode();
        let mut carriage = carriage(plaintext.len());
        change(&mut carriage);
        let scheme = EpochKeyScheme::new(&epoch().0);
        opened(scheme.encrypt(&carriage, &plaintext, &B256::repeat_byte(9)).unwrap())
    };
    let too_little = resealed(&|it| it.gas = weft_crypto::GasBucket::new(0).unwrap());
    let elsewhere = resealed(&|it| it.rollup = Some(weft_types::NetworkId::new(902)));
    for sealed in [too_little, elsewhere, opened(seal(b"no item"))] {
        assert_eq!(claim(sealed), NotEvidence::Consistent);
    }
}

#[test]
fn p11_what_opens_to_nothing_is_shown_by_the_key_s_secret_alone() {
    let accuse = |removal, inside: weft_evidence::Unopenable| {
        let promise = result_promise(inside.envelope.id(&domain()), vec![], removal);
        refused(Proof::FalseOpening(Box::new(promise), Box::new(inside)))
    };
    for cause in [RemovalCause::Undecryptable, RemovalCause::Late] {
        assert_eq!(accuse(Some(cause), nothing_inside()), NotEvidence::Consistent);
    }
    let guessed = weft_evidence::Unopenable { secret: [9; 32], ..nothing_inside() };
    assert_eq!(accuse(None, guessed), NotEvidence::NotShown("that the secret is the key's"));
    let good = weft_evidence::Unopenable { envelope: seal(b"anything"), ..nothing_inside() };
    assert_eq!(accuse(None, good), NotEvidence::Unrelated("the envelope opens"));
    let own = signed(notice(&epoch().0), OTHER);
    let named = weft_evidence::Unopenable { notice: own, ..nothing_inside() };
    assert_eq!(accuse(None, named), NotEvidence::Keys(address(KEY), address(OTHER)));
}
