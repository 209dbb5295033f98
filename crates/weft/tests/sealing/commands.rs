//! Sealing on the command line: an epoch from its committee to its plaintexts, and what is refused.

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, TxKind, U256, eip191_hash_message, hex};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use serde_json::{Value, json};
use std::{
    fs,
    io::Write as _,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::Path,
    process::{Command, Stdio},
    sync::LazyLock,
    thread,
};
use tempfile::TempDir;

const HEAD: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";
const OTHER_HEAD: &str = "0x2222222222222222222222222222222222222222222222222222222222222222";
const SIGNER: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// What a command printed and how it ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:#?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Asserts that it ended as an error in one line that says `part`.
    fn refused(&self, part: &str) {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{self:#?}");
        let last = self.err.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: ") && last.contains(part), "{part}: {self:#?}");
    }
}

/// A directory with everything that an epoch needs, made by the commands themselves.
struct Place {
    directory: TempDir,
    /// Everything that was printed while it was made.
    printed: String,
}

impl Place {
    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Runs `weft`; words with `@` in front are files of the place.
    fn weft(&self, line: &str) -> Ran {
        self.reading(line, "")
    }

    fn reading(&self, line: &str, input: &str) -> Ran {
        let mut child = self.command(line).stdin(Stdio::piped()).spawn().unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn command(&self, line: &str) -> Command {
        let words = line.split_whitespace().map(|word| match word.strip_prefix('@') {
            Some(name) => self.path(name),
            None => word.to_owned(),
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_weft"));
        command.args(words).env("WEFT_PASSPHRASE", "open sesame").env_remove("RUST_LOG");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `weft`, which must succeed, and keeps what it prints in a file.
    fn make(&mut self, name: &str, line: &str) -> Value {
        let ran = self.weft(line);
        let value = ran.json();
        self.printed += &ran.out;
        self.printed += &ran.err;
        self.write(name, &ran.out);
        value
    }

    /// Writes a changed copy of a JSON file.
    fn altered(&self, name: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut value = self.read(name);
        change(&mut value);
        self.write("altered.json", &value.to_string())
    }

    fn read(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }
}

/// Makes keys, a setup, three members' announcements and the key list of epoch 7.
fn place(squarings: u64) -> Place {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut place = Place { directory, printed: String::new() };
    place.make("setup.json", &format!("committee setup --squarings {squarings}"));
    let members: serde_json::Map<String, Value> = (1..=3)
        .map(|member| {
            let made = place.weft(&format!("keys new @key{member}"));
            (member.to_string(), made.out.trim().into())
        })
        .collect();
    place.write("committee.json", &json!({ "members": members }).to_string());
    assert_eq!(place.weft("keys new @payer").code, 0);
    for member in 1..=3 {
        place.make(&format!("a{member}.json"), &deal(member));
    }
    place.make("list.json", &format!("{LIST} @a1.json @a2.json @a3.json"));
    place
}

const LIST: &str = "committee list --setup @setup.json --epoch 7 --committee @committee.json";
/// The realm without L1.
const DOMAIN: &str = "0:0x0000000000000000000000000000000000000000:0";
const SEAL: &str = "seal --key @payer --valid-until 90 --max-fee 2gwei";

fn deal(member: u32) -> String {
    format!(
        "committee deal --setup @setup.json --epoch 7 --member {member} --secret @secret{member} --key @key{member}"
    )
}

fn release(member: u32, head: &str) -> String {
    format!(
        "committee release @list.json --member {member} --head {head} --secret @secret{member} --key @key{member}"
    )
}

fn signed(data: Bytes, nonce: u64) -> Bytes {
    let signer: PrivateKeySigner = SIGNER.parse().unwrap();
    let tx = TxEip1559 {
        chain_id: 901,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(Address::repeat_byte(7)),
        value: U256::from(5),
        access_list: Default::default(),
        input: data,
    };
    let signature = signer.sign_hash_sync(&tx.signature_hash()).unwrap();
    TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into()
}

/// The transaction that most tests seal.
static RAW: LazyLock<Bytes> = LazyLock::new(|| signed(Bytes::new(), 0));

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn p10_the_slow_path_killed_and_taken_up_gives_what_the_members_release() {
    let mut place = place(400_000);
    place.write("tx.hex", &format!("{}\n", *RAW));
    let envelope = place.make("envelope.json", &format!("{SEAL} --to @list.json @tx.hex"));
    assert_eq!(envelope["payer"], place.weft("keys show @payer").out.trim().to_lowercase());
    assert_eq!((&envelope["sizeBytes"], &envelope["gasLimit"]), (&json!(256), &json!(131_072)));
    let before = place.printed.clone();

    // The slow path, killed when a checkpoint is there, and taken up.
    let solve = "solve @list.json --checkpoint @chain --every 10ms";
    let mut child = place.command(solve).spawn().unwrap();
    while !Path::new(&place.path("chain")).exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before its first checkpoint");
        thread::yield_now();
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert_eq!(mode(&place.path("chain")), 0o600);
    let resumed = place.weft(solve);
    let slow = resumed.json();
    let from = resumed.err.lines().find_map(|line| line.strip_prefix("going on from ")).unwrap();
    let done: u64 = from.split(' ').next().unwrap().parse().unwrap();
    assert!(0 < done && done < 400_000, "{from}");

    // The fast path.
    for member in 1..=3 {
        place.make(&format!("r{member}.json"), &release(member, HEAD));
    }
    let open = format!("committee open @list.json --head {HEAD} --committee @committee.json");
    let fast = place.make("secret.json", &format!("{open} @r1.json @r2.json @r3.json"));
    assert_eq!(slow, fast);
    place.write("slow.json", &resumed.out);

    for secret in ["@slow.json", "@secret.json"] {
        let opened = place.weft(&format!("unseal @envelope.json --to @list.json --with {secret}"));
        let opened = opened.json();
        assert_eq!(opened["verdict"], "opened");
        assert_eq!(opened["content"]["transaction"]["raw"], json!(*RAW));
        assert_eq!(opened["content"]["transaction"]["network"], 901);
    }

    // No secret was printed before its release, and all lay in files of their owner alone.
    for member in 1..=3 {
        let secret = place.read(&format!("r{member}.json"))["secret"].as_str().unwrap().to_owned();
        assert!(!before.contains(&secret[2..]), "secret of member {member}");
        assert_eq!(mode(&place.path(&format!("secret{member}"))), 0o600);
        let file = fs::read_to_string(place.path(&format!("secret{member}"))).unwrap();
        assert!(!file.contains(&secret[2..]), "member {member} keeps its secret in clear");
        assert_eq!(mode(&place.path(&format!("secret{member}.released"))), 0o600);
    }

    // Done once, the slow path answers from its checkpoint; one that was changed is found out.
    assert_eq!(place.weft(solve).json(), fast);
    let mut chain = fs::read(place.path("chain")).unwrap();
    let last = 24 + 255;
    chain[last] ^= 1;
    fs::write(place.path("chain"), &chain).unwrap();
    place.weft(solve).refused("remove it and begin anew");
    fs::write(place.path("chain"), &chain[..100]).unwrap();
    place.weft(solve).refused("remove it and begin anew");
}

#[test]
fn p17_a_member_deals_once_and_releases_for_one_head_what_is_its_own() {
    let mut place = place(64);
    place.weft(&deal(1)).refused("a key file is never overwritten");
    place.make("r1.json", &release(1, HEAD));
    assert_eq!(place.weft(&release(1, HEAD)).json(), place.read("r1.json"));
    place.weft(&release(1, OTHER_HEAD)).refused("was released for key list and closing head");
    place.weft(&release(4, HEAD)).refused("has no share of member 4");
    let swapped = release(2, HEAD).replace("@secret2", "@secret3");
    place.weft(&swapped).refused("is the secret of another epoch or member");
    let key = release(2, HEAD).replace("@secret2", "@key2");
    place.weft(&key).refused("is the secret of another epoch or member");
    assert!(!Path::new(&place.path("secret2.released")).exists());
    let wrong = place.command(&release(2, HEAD)).env("WEFT_PASSPHRASE", "x").output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("wrong passphrase"));

    // Released under the key of another member, it is nobody's release.
    let forged = release(2, HEAD).replace("@key2", "@key3");
    place.make("r2.json", &forged);
    place.make("r3.json", &release(3, HEAD));
    let open = format!("committee open @list.json --head {HEAD} --committee @committee.json");
    place.weft(&format!("{open} @r1.json @r2.json @r3.json")).refused("not that of member 2");
    place.weft(&format!("{open} @r1.json @r3.json")).refused("member 2 released nothing");
    let other = open.replace(HEAD, OTHER_HEAD);
    place.weft(&format!("{other} @r1.json")).refused("is for closing head");
}

#[test]
fn p10_a_key_list_takes_only_what_its_members_signed() {
    let place = place(64);
    let list = |files: &str| place.weft(&format!("{LIST} {files}"));
    list("@a1.json @a1.json").refused("member 1 twice");
    let two = list("@a1.json @a3.json");
    assert!(two.err.contains("member 2 announced nothing"), "{two:?}");
    assert_eq!(two.json()["members"], json!([1, 3]));
    // Member 3 in the name of member 2.
    let usurped = deal(2).replace("@secret2", "@usurped").replace("@key2", "@key3");
    place.write("usurped.json", &place.weft(&usurped).out);
    list("@a1.json @usurped.json").refused("not that of member 2");
    let stranger = deal(9).replace("@secret9", "@ninth").replace("@key9", "@key3");
    place.write("stranger.json", &place.weft(&stranger).out);
    list("@stranger.json").refused("the committee has no member 9");
    let later = deal(1).replace("--epoch 7", "--epoch 8").replace("@secret1", "@later");
    place.write("later.json", &place.weft(&later).out);
    list("@later.json").refused("is for epoch 8, not 7");
    for (field, value) in [("member", json!(2)), ("epoch", json!(8)), ("point", json!("0x02"))] {
        place.altered("a1.json", |announcement| announcement[field] = value);
        let ran = list("@altered.json");
        assert_eq!(ran.code, 1, "{field}: {ran:?}");
    }
    // Sealing to a list whose words or shares were changed.
    place.write("tx.hex", &RAW.to_string());
    for field in ["id", "epoch", "key", "members", "delaySquarings", "domain"] {
        place.altered("list.json", |list| list[field] = json!(null));
        let ran = place.weft(&format!("{SEAL} --to @altered.json @tx.hex"));
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{field}: {ran:?}");
    }
    place.altered("list.json", |list| list["note"] = json!("trust me"));
    place.weft(&format!("{SEAL} --to @altered.json @tx.hex")).refused("its `note` is not what");
    place.altered("list.json", |list| {
        let text = list["encoding"].as_str().unwrap().to_owned();
        list["encoding"] = (text[..text.len() - 2].to_owned() + "00").into();
    });
    place.weft(&format!("{SEAL} --to @altered.json @tx.hex")).refused("share of member 3");
}

#[test]
fn p12_a_bundle_is_sealed_to_a_puzzle_of_its_own_and_its_opening_is_checked() {
    let mut place = place(2_000);
    let alice: PrivateKeySigner = SIGNER.parse().unwrap();
    let leg = format!("901:from={},to={},value=5", alice.address(), Address::repeat_byte(7));
    let mut bundle = place.weft(&format!("bundle build --domain {DOMAIN} --leg {leg}")).json();
    let unsigned = bundle.to_string();
    let data: Bytes = bundle["legs"][0]["data"].as_str().unwrap().parse().unwrap();
    bundle["legs"][0]["raw"] = json!(signed(data, 3));
    let seal = format!("{SEAL} --to @setup.json --epoch 4 --rollup 901 --size 1000");
    let sealed = place.reading(&seal, &bundle.to_string());
    let envelope = sealed.json();
    place.write("envelope.json", &sealed.out);
    assert_eq!(
        (&envelope["scheme"], &envelope["sizeBytes"], &envelope["rollup"], &envelope["epoch"]),
        (&json!("puzzle"), &json!(1024), &json!(901), &json!(4))
    );
    place.reading(&seal, &unsigned).refused("leg 0 is not signed");
    bundle["legs"][0]["raw"] = json!(*RAW);
    place.reading(&seal, &bundle.to_string()).refused("standard input is refused");

    let solve = "solve @envelope.json --setup @setup.json --checkpoint @chain";
    let opening = place.make("opening.json", solve);
    assert_eq!(opening["verdict"], "opened");
    let unseal = "unseal @envelope.json --to @setup.json --with";
    let opened = place.weft(&format!("{unseal} @opening.json")).json();
    assert_eq!(opened["content"]["bundle"]["id"], bundle["id"]);
    // The proof serves where the seed is not told.
    place.altered("opening.json", |opening| opening["seed"] = Value::Null);
    assert_eq!(place.weft(&format!("{unseal} @altered.json")).json(), opened);
    for (field, value, part) in [
        ("seed", json!(HEAD), "seed does not give this ciphertext"),
        ("envelope", json!(HEAD), "is about envelope"),
        ("verdict", json!("undecryptable"), "says that the envelope is undecryptable"),
    ] {
        place.altered("opening.json", |opening| opening[field] = value);
        place.weft(&format!("{unseal} @altered.json")).refused(part);
    }
    place.altered("opening.json", |opening| {
        opening["seed"] = Value::Null;
        opening["proof"] = opening["solution"].clone();
    });
    place.weft(&format!("{unseal} @altered.json")).refused("proof does not hold");

    // The checkpoint belongs to this puzzle.
    place.weft("solve @list.json --checkpoint @chain").refused("belongs to another puzzle");
}

#[test]
fn p11_an_envelope_that_holds_nothing_is_told_by_exit_code_2_and_a_foreign_one_refused() {
    let mut place = place(64);
    let envelope = place.reading(&format!("{SEAL} --to @setup.json --epoch 7"), &RAW.to_string());
    place.write("envelope.json", &envelope.out);
    let solve = "solve @envelope.json --setup @setup.json --checkpoint @chain";
    place.make("opening.json", solve);
    // Only the payer can make another envelope that is well signed; anybody else is refused.
    place.altered("envelope.json", |envelope| {
        let text = envelope["encoding"].as_str().unwrap().to_owned();
        let last = if text.ends_with('0') { "1" } else { "0" };
        envelope["encoding"] = (text[..text.len() - 1].to_owned() + last).into();
    });
    let unseal = "unseal @altered.json --to @setup.json --with @opening.json";
    place.weft(unseal).refused("its `id` is not what its encoding says");
    place.altered("envelope.json", |envelope| {
        let text = envelope["signature"].as_str().unwrap().to_owned();
        let parity = if text.ends_with("00") { "01" } else { "00" };
        envelope["signature"] = (text[..text.len() - 2].to_owned() + parity).into();
    });
    place.weft(unseal).refused("its signature is not that of");
    let by_list = "unseal @envelope.json --to @list.json --with @opening.json";
    place.weft(by_list).refused("expected `epochSecret`");

    // A payer that signs junk: right in form, and nothing inside.
    let payer = weft_promise::keystore::open(
        Path::new(&place.path("payer")),
        &weft_promise::Passphrase::new("open sesame".to_owned()).unwrap(),
    );
    let junk = junk(&place.read("envelope.json"), &mut payer.unwrap());
    place.write("envelope.json", &junk.to_string());
    fs::remove_file(place.path("chain")).unwrap();
    assert_eq!(place.make("opening.json", solve)["verdict"], "undecryptable");
    let ran = place.weft("unseal @envelope.json --to @setup.json --with @opening.json");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains("undecryptable"), "{ran:?}");
}

/// Changes the last byte of an envelope and signs it, as a wallet does.
fn junk(envelope: &Value, payer: &mut weft_promise::LocalSigner) -> Value {
    use weft_promise::Signer as _;
    use weft_types::Decode as _;
    let mut bytes = hex::decode(envelope["encoding"].as_str().unwrap()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let decoded = weft_crypto::Envelope::decode(&bytes).unwrap();
    let id = decoded.id(&weft_types::Domain::dev());
    let mut envelope = envelope.clone();
    envelope["id"] = json!(id);
    envelope["signature"] = json!(payer.sign(eip191_hash_message(id)).unwrap());
    envelope["encoding"] = json!(Bytes::from(bytes));
    envelope
}

#[test]
fn wrong_usage_of_sealing_is_named_and_ends_with_1() {
    let place = place(64);
    place.write("tx.hex", &RAW.to_string());
    place.write("text", "no json");
    place.altered("setup.json", |setup| {
        let text = setup["encoding"].as_str().unwrap().to_owned();
        setup["encoding"] = format!("0xff{}", &text[4..]).into();
    });
    let seal = format!("{SEAL} --to @list.json @tx.hex");
    for (line, part) in [
        (format!("{SEAL} --to @missing @tx.hex"), "cannot read"),
        (format!("{SEAL} --to @text @tx.hex"), "is not JSON"),
        (format!("{SEAL} --to @a1.json @tx.hex"), "is a file of kind `announcement`"),
        (format!("{SEAL} --to @altered.json @tx.hex"), "is refused"),
        (format!("{SEAL} --to @setup.json @tx.hex"), "a setup has no epoch: add --epoch"),
        (format!("{SEAL} --to @list.json @text"), "neither a transaction in hex nor"),
        (format!("{SEAL} --to @list.json @missing"), "cannot read"),
        (format!("{seal} --epoch 8"), "is for epoch 7, not 8"),
        (format!("{seal} --expect {HEAD}"), "not the expected 0x1111"),
        (
            format!("{seal} --domain 1:0x7777777777777777777777777777777777777777:7"),
            "for another realm",
        ),
        (format!("{seal} --gas 40000000"), "no gas bucket takes 40000000 gas"),
        (format!("{seal} --size 200000"), "no size bucket takes"),
        (seal.replace("2gwei", "much"), "`much` is not an amount"),
        (seal.replace("@payer", "@tx.hex"), "is not an encrypted key file"),
        ("solve @list.json --setup @setup.json --checkpoint @c".into(), "leave --setup out"),
        ("solve @setup.json --checkpoint @c".into(), "expected `keyList` or `envelope`"),
        ("committee setup --squarings 0".into(), "delay of 0 squarings is out of range"),
        ("committee setup --squarings 5000000000".into(), "is out of range"),
        (LIST.to_owned().replace("@committee.json", "@a1.json") + " @a1.json", "is no committee"),
    ] {
        place.weft(&line).refused(part);
    }
    for (line, part) in [
        ("seal @tx.hex", "--to"),
        ("seal --to @list.json --key @payer --max-fee 1 @tx.hex", "--valid-until"),
        ("seal --to @list.json --private-key 0x12 @tx.hex", "unexpected argument"),
        ("solve @list.json", "--checkpoint"),
        ("solve @list.json --checkpoint @c --every soon", "write a time like 200ms or 1s"),
        ("committee", "Usage: weft committee"),
        ("committee release @list.json --member 1 --head 0x12", "invalid value '0x12'"),
        ("committee open @list.json --head", "a value is required"),
        ("unseal @list.json", "--to"),
    ] {
        let ran = place.weft(line);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{line}: {ran:?}");
        assert!(ran.err.contains(part), "{line}: {ran:?}");
    }
}

#[test]
fn help_of_sealing_fits_a_terminal() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let place = Place { directory, printed: String::new() };
    for command in [
        "seal",
        "unseal",
        "solve",
        "committee",
        "committee setup",
        "committee deal",
        "committee list",
        "committee release",
        "committee open",
    ] {
        let help = place.weft(&format!("{command} --help"));
        assert_eq!((help.code, help.err.as_str()), (0, ""), "{command}");
        assert!(help.out.lines().all(|line| line.chars().count() <= 80), "{}", help.out);
    }
}

#[test]
fn p18_two_users_seal_a_leg_each_of_a_bundle_that_both_agreed_on() {
    let mut place = place(64);
    let alice: PrivateKeySigner = SIGNER.parse().unwrap();
    let (alice, shop) = (alice.address(), Address::repeat_byte(7));
    let commit = |from: Address, out: &str| {
        format!(
            "bundle commit --domain {DOMAIN} --leg 901:from={from},to={shop},value=5 --out {out}"
        )
    };
    let [own, other] = [(alice, "@own"), (shop, "@other")].map(|(from, out)| {
        let ran = place.weft(&commit(from, out));
        assert_eq!((ran.code, ran.out.len()), (0, 67), "{ran:?}");
        ran.out.trim().to_owned()
    });
    assert_eq!(mode(&place.path("own")), 0o600);
    place.weft(&commit(alice, "@own")).refused("is never overwritten");
    let agree =
        |epoch: u64, of: &str| format!("bundle agree --domain {DOMAIN} --epoch {epoch} {of}");
    place.weft(&agree(7, &format!("{own} {own}"))).refused("stands twice");
    let bundle = place.make("bundle.json", &agree(7, &format!("{own} {other}")));
    place.make("later.json", &agree(8, &format!("{own} {other}")));
    place.make("strangers.json", &agree(7, &format!("{other} {HEAD}")));

    let told = place.weft("bundle mark @own @bundle.json").json();
    let data: Bytes = told["data"].as_str().unwrap().parse().unwrap();
    assert!(hex::encode_prefixed(&data).ends_with(&bundle["id"].as_str().unwrap()[2..]), "{told}");
    place.weft("bundle mark @own @strangers.json").refused("does not commit");
    place.write("tx.hex", &signed(data, 3).to_string());
    let seal = |more: &str| format!("{SEAL} --to @list.json --part @own {more} @tx.hex");
    let envelope = place.make("envelope.json", &seal("--of @bundle.json"));
    assert_eq!((&envelope["sizeBytes"], &envelope["epoch"]), (&json!(512), &json!(7)));
    place.weft(&seal("--of @later.json")).refused("marker");
    place.weft(&seal("--of @strangers.json")).refused("does not commit");
    place.write("plain.hex", &RAW.to_string());
    let plain = seal("--of @bundle.json").replace("@tx.hex", "@plain.hex");
    place.weft(&plain).refused("marker");
    place.altered("bundle.json", |bundle| bundle["epoch"] = json!(8));
    place.weft(&seal("--of @altered.json")).refused("altered");
    place.altered("own", |leg| leg["value"] = json!("0x6"));
    place.weft("bundle mark @altered.json @bundle.json").refused("altered");

    for member in 1..=3 {
        place.make(&format!("r{member}.json"), &release(member, HEAD));
    }
    let open = format!("committee open @list.json --head {HEAD} --committee @committee.json");
    place.make("secret.json", &format!("{open} @r1.json @r2.json @r3.json"));
    let opened = place.weft("unseal @envelope.json --to @list.json --with @secret.json").json();
    let part = &opened["content"]["part"];
    assert_eq!(part["bundle"], bundle["id"], "{opened}");
    assert_eq!((&part["index"], &part["legs"], &part["epoch"]), (&json!(0), &json!(2), &json!(7)));
}
