use super::*;
use std::{fs, os::unix::fs::PermissionsExt as _};
use tempfile::TempDir;

/// Returns a folder with a file `weft.toml` in it.
fn with(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weft.toml");
    fs::write(&path, text).unwrap();
    (dir, path)
}

fn problems(text: &str) -> Vec<String> {
    let (dir, path) = with(text);
    let folder = format!("{}/", dir.path().display());
    Settings::problems_of(&path).iter().map(|problem| problem.replace(&folder, "")).collect()
}

fn layered(file: &Path, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Settings {
    let values: Vec<_> = flags
        .iter()
        .map(|(path, text)| {
            let key = KEYS.iter().find(|key| key.path == *path).unwrap();
            (key.path, key.flag.unwrap().0, key.kind.parse(text).unwrap())
        })
        .collect();
    let variables =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (settings, problems) = Settings::layered(&Flags::of(Some(file.into()), &values), variables);
    assert_eq!(problems, Vec::<String>::new());
    settings
}

#[test]
fn a_flag_comes_before_a_variable_before_the_file_before_the_default() {
    let (_dir, path) = with("[realm]\nslot = \"3s\"\n");
    let slot = |settings: &Settings| settings.time("realm.slot").as_millis();
    let variable = [("WEFT_REALM_SLOT", "2s")];
    let flag = [("realm.slot", "1s")];
    let (_empty_dir, empty) = with("");
    for (settings, expected, source) in [
        (layered(&empty, &[], &[]), 200, "default".to_owned()),
        (layered(&path, &[], &[]), 3_000, format!("{}:2", path.display())),
        (layered(&path, &[("WEFT_REALM_SLOT", "")], &[]), 3_000, format!("{}:2", path.display())),
        (layered(&path, &variable, &[]), 2_000, "WEFT_REALM_SLOT".to_owned()),
        (layered(&path, &variable, &flag), 1_000, "--slot".to_owned()),
        (layered(&empty, &[], &flag), 1_000, "--slot".to_owned()),
    ] {
        assert_eq!(slot(&settings), expected, "{source}");
        assert_eq!(settings.source("realm.slot").to_string(), source);
    }
}

#[test]
fn faults_are_named_with_file_line_key_and_a_suggestion() {
    for (text, expected) in [
        (
            "[realm]\nslott = \"1s\"\n",
            "weft.toml:2: unknown key `realm.slott`; did you mean `realm.slot`?",
        ),
        ("\n\nslot = \"1s\"", "weft.toml:3: unknown key `slot`; did you mean `realm.slot`?"),
        (
            "[node]\nslot = \"1s\"",
            "weft.toml:2: unknown key `node.slot`; did you mean `realm.slot`?",
        ),
        ("[raelm]\nslot = \"1s\"", "weft.toml:1: unknown section `raelm`; did you mean `realm`?"),
        ("[realm]\nqqq = 1", "weft.toml:2: unknown key `realm.qqq`"),
        (
            "[realm]\nslot = 5",
            "weft.toml:2: `realm.slot`: found integer, expected a time in quotes: \"200ms\", \"1s\"",
        ),
        ("[realm]\nslot = \"soon\"", "weft.toml:2: `realm.slot`: write a time like 200ms or 1s"),
        ("realm.slot = \"61s\"", "weft.toml:1: `realm.slot`: `61s` is not between 1ms and 60000ms"),
        (
            "[node]\ncommon_port = 70000",
            "weft.toml:2: `node.common_port`: 70000 is not in 0..=65535",
        ),
        (
            "[node]\ncommon_port = -1",
            "weft.toml:2: `node.common_port`: found integer, expected a number from 0 to 65535",
        ),
        ("[node]\nhost = \"here\"", "weft.toml:2: `node.host`: `here` is no IP address"),
        ("[log]\nformat = \"xml\"", "weft.toml:2: `log.format`: `xml` is none of text, json"),
        (
            "[realm]\nrollups = \"a.toml\"",
            "weft.toml:2: `realm.rollups`: found string, expected a list of paths: [\"901.toml\"]",
        ),
        ("[realm.slot]\na = 1", "weft.toml:1: `realm.slot` is a key and not a section"),
        ("[node\n", "weft.toml:1: unclosed table, expected `]`"),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn every_fault_of_a_file_is_named_at_once() {
    assert_eq!(problems("[realm]\nslot = 5\nx = 1\n[nod]\n").len(), 3);
    assert_eq!(problems("[node]\nhost = \"::1\"\n"), Vec::<String>::new());
}

#[test]
fn unknown_variables_of_our_sections_are_refused() {
    let variables = [("WEFT_REALM_SLOTS", "1s"), ("WEFT_KILLS", "3"), ("PATH", "/bin")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (_, problems) = Settings::layered(&Flags::default(), variables.into());
    assert_eq!(problems, ["unknown variable WEFT_REALM_SLOTS; did you mean `WEFT_REALM_SLOT`?"]);
}

#[test]
fn secrets_are_never_shown_and_not_taken_from_an_open_file() {
    let secret = "correct horse";
    let (_dir, path) = with(&format!("[promise]\npassphrase = \"{secret}\"\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let found = Settings::problems_of(&path);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(":2: `promise.passphrase`") && found[0].contains("chmod 600"));
    assert!(!found[0].contains(secret));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let shown = layered(&path, &[], &[]).shown();
    assert!(shown.contains("passphrase = \"***\"") && !shown.contains(secret), "{shown}");
    let shown = layered(&path, &[("WEFT_PROMISE_PASSPHRASE", secret)], &[]).shown();
    assert!(shown.contains("\"***\"  # WEFT_PROMISE_PASSPHRASE"), "{shown}");
    assert!(!shown.contains(secret), "{shown}");
}

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    let (_dir, path) =
        with("[realm]\nslot = \"250ms\"\nrollups = [\"a.toml\"]\n[node]\ndata_dir = \"d\"");
    let shown = layered(&path, &[], &[("log.level", "info")]).shown();
    let (_again_dir, again) = with(&shown);
    assert_eq!(file::read(&again, KEYS, None).problems, []);
    let values = |settings: &Settings| -> Vec<_> {
        settings.values.iter().map(|(path, (value, _))| (*path, value.clone())).collect()
    };
    let first = layered(&path, &[], &[("log.level", "info")]);
    assert_eq!(values(&layered(&again, &[], &[])), values(&first));
}

#[test]
fn variables_and_defaults_of_every_key_can_be_written() {
    let names: std::collections::BTreeSet<_> = KEYS.iter().map(Key::variable).collect();
    assert_eq!(names.len(), KEYS.len());
    assert!(names.contains("WEFT_NODE_DATA_DIR"));
    for key in KEYS.iter().chain(keys::ROLLUP_KEYS).filter(|key| !key.default.is_empty()) {
        assert!(key.kind.parse(key.default).is_ok(), "{}", key.path);
    }
}

#[test]
fn files_of_rollups_are_read_with_their_allocations() {
    let address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
    let text = format!(
        "chain_id = 904\nname = \"orders\"\nport = 1\nbase_fee = \"2 gwei\"\nfailed = \"remove\"\n\n[allocations]\n\"{address}\" = \"10 ether\"\n"
    );
    let (_dir, path) = with(&text);
    let rollup = read_rollup(&path).unwrap();
    assert_eq!((rollup.chain_id, rollup.name.as_str(), rollup.port), (904, "orders", 1));
    assert_eq!((rollup.gas_limit, rollup.base_fee), (60_000_000, 2_000_000_000));
    assert!(rollup.removes_failed);
    let wei = alloy_primitives::U256::from(10_000_000_000_000_000_000_u64);
    assert_eq!(rollup.allocations, [(address.parse().unwrap(), wei)]);
    for (text, part) in [
        ("", "`chain_id` is missing"),
        ("chain_id = 0", ":1: `chain_id`: 0 is not in"),
        ("chain = 904", "did you mean `chain_id`?"),
        ("chain_id = 1\ngas_limit = 5", ":2: `gas_limit`: 5 is not in 5000000..=4000000000"),
        ("chain_id = 1\nbase_fee = \"2 ether\"", "rollup 1: base fee"),
        ("chain_id = 1\nfailed = \"drop\"", ":2: `failed`: `drop` is none of keep, remove"),
        ("chain_id = 1\n[allocations]\nbob = \"1 ether\"", ":3: `bob` is not an address"),
        (
            "chain_id = 1\n[allocations]\n\"0x0000000000000000000000000000000000000001\" = \"lots\"",
            ":3: `0x",
        ),
        ("chain_id = 1\n[allocation]\n", "did you mean `allocations`?"),
    ] {
        let (_dir, path) = with(text);
        let found = read_rollup(&path).unwrap_err().concat();
        assert!(found.contains(part), "{text}: {found}");
    }
    let missing = read_rollup(Path::new("/missing.toml")).unwrap_err().concat();
    assert!(missing.starts_with("/missing.toml: cannot read it"), "{missing}");
}

#[test]
fn p17_a_delay_that_does_not_cover_its_epochs_is_refused() {
    let (dir, path) = with("");
    let members = r#"{"members": {"1": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"}}"#;
    fs::write(dir.path().join("committee.json"), members).unwrap();
    let check = |more: &str| {
        let text = format!("[sealing]\nenabled = true\ncommittee = \"committee.json\"\n{more}");
        fs::write(&path, text).unwrap();
        Settings::problems_of(&path).concat()
    };
    // Three epochs of a second and ten more: 13 s, thirty times 1.4 million squarings a second.
    let short = check("delay = 545999999\n");
    assert!(short.contains("weft.toml:4: `sealing.delay`"), "{short}");
    assert!(short.contains("need 546000000 (P17)"), "{short}");
    assert_eq!(check("delay = 546000000\n"), "");
    assert_eq!(check("delay = 20000\nadvantage = 0\n"), "");
    fs::write(dir.path().join("committee.json"), r#"{"members": {}}"#).unwrap();
    assert!(check("advantage = 0\n").contains("nobody is in the committee"));
}

/// A committee of one.
const COMMITTEE: &str = r#"{"members": {"1": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"}}"#;

#[test]
fn what_a_node_would_refuse_is_wrong_with_its_file() {
    let (dir, path) = with("");
    for (name, id, port) in [("one", 901, 9000), ("same", 901, 0), ("near", 902, 9000)] {
        let rollup = format!("chain_id = {id}\nport = {port}\n");
        fs::write(dir.path().join(format!("{name}.toml")), rollup).unwrap();
    }
    for (text, part) in [
        ("[l1]\nchain_id = 1\nhub = \"0x12\"", "weft.toml:3: `l1.hub`: is no address"),
        (
            "[l1]\nurls = \"http://a:1, b:2\"",
            "weft.toml:2: `l1.urls`: `b:2`: write http://host:port",
        ),
        ("[l1]\nchain_id = 1", "`l1.chain_id`: needs `l1.hub`"),
        ("[sealing]\nenabled = true", "`sealing.enabled`: needs `sealing.committee`"),
        ("[sealing]\ncommittee = \"none.json\"", "weft.toml:2: `sealing.committee`: cannot read"),
        ("[realm]\nrollups = [\"one.toml\", \"same.toml\"]", "two files for rollup 901"),
        ("[realm]\nrollups = [\"one.toml\", \"near.toml\"]", "two rollups at port 9000"),
        ("[promise]\nkey = \"none.json\"", "none.json: No such file"),
        ("[promise]\npassphrase_file = \"p\"", "`promise.passphrase_file`: needs `promise.key`"),
        ("[promise]\nsigner = \"/bin/true\"", "`promise.signer`: needs `promise.guard`"),
        ("[admin]\nport = 0", "`admin.port`: the admin port needs a place for its token"),
        ("[node]\narchive = true", "`node.archive`: needs `node.data_dir`"),
        ("[node]\norigins = \"here\"", "`node.origins`: "),
        ("[log]\nlevel = \"weft=loud\"", "weft.toml:2: `log.level`: "),
        ("[limits]\nbundle_legs = 65", "`limits.bundle_legs`: 65 is not in 1..=64"),
        ("[limits]\nevent_backlog = 1099511627776", "is not in 1..=262144"),
        (
            "[realm]\nrollups = [\"one.toml\"]\n[executors]\nchains = [5]",
            "executor for rollup 5, which is not in the realm",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let found = Settings::problems_of(&path);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(part), "{text}: {found:?}");
    }
    fs::write(&path, "[admin]\nport = 0\n[log]\nlevel = \"weft=loud\"").unwrap();
    assert_eq!(Settings::problems_of(&path).len(), 2);
}

#[test]
fn keys_and_passphrases_belong_to_their_owner_alone() {
    let (dir, path) = with("[promise]\nkey = \"key\"\npassphrase_file = \"pass\"\n");
    let file = |name: &str| dir.path().join(name);
    fs::write(file("pass"), "of a test\n").unwrap();
    fs::set_permissions(file("pass"), fs::Permissions::from_mode(0o644)).unwrap();
    let passphrase = weft_promise::Passphrase::read(&file("pass")).unwrap();
    weft_promise::keystore::create(&file("key"), &passphrase).unwrap();
    fs::write(file("key.guard"), "").unwrap();
    let found = Settings::problems_of(&path).concat();
    assert!(found.contains("`promise.passphrase_file`: others may read"), "{found}");
    fs::set_permissions(file("pass"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(Settings::problems_of(&path), Vec::<String>::new());
    fs::set_permissions(file("key"), fs::Permissions::from_mode(0o640)).unwrap();
    let found = Settings::problems_of(&path).concat();
    assert!(found.contains("`promise.key`: others may read"), "{found}");
    fs::set_permissions(file("key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(file("pass"), "another\n").unwrap();
    let found = Settings::problems_of(&path).concat();
    assert!(found.contains("`promise.key`: "), "{found}");
}

#[test]
fn a_committee_is_enough_to_seal_and_the_defaults_of_a_node_fit_together() {
    let (dir, path) = with("[sealing]\ncommittee = \"committee.json\"\n");
    fs::write(dir.path().join("committee.json"), COMMITTEE).unwrap();
    assert_eq!(Settings::problems_of(&path), Vec::<String>::new());
    let sealing = |more: &[(&str, &str)], profile| {
        layered(&path, more, &[]).sealing(profile).unwrap().map(|options| options.delay_squarings)
    };
    assert_eq!(sealing(&[], Profile::Production), Some(546_000_000));
    assert_eq!(sealing(&[], Profile::Development), Some(262_144));
    assert_eq!(sealing(&[("WEFT_SEALING_ADVANTAGE", "0")], Profile::Production), Some(262_144));
    assert_eq!(sealing(&[("WEFT_SEALING_ENABLED", "false")], Profile::Production), None);
}
