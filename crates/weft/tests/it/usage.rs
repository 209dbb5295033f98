//! Help, and what is said about wrong usage.

use crate::support::{ALICE, Scratch, weft, weft_reading};

#[test]
fn help_shows_every_command_with_examples() {
    let help = weft(&["--help"]);
    assert_eq!(help.code, 0);
    for word in ["dev", "demo", "bundle", "sim", "seal", "Examples:", "weft demo flash-loan"] {
        assert!(help.out.contains(word), "{word}: {}", help.out);
    }
    for command in [
        &["dev"][..],
        &["node"],
        &["config"],
        &["config", "check"],
        &["config", "print"],
        &["rollup"],
        &["rollup", "add"],
        &["export"],
        &["verify"],
        &["l1"],
        &["l1", "deploy"],
        &["l1", "post-inbox"],
        &["exit"],
        &["resume"],
        &["l1", "register"],
        &["deposit"],
        &["withdraw"],
        &["force"],
        &["post"],
        &["attest"],
        &["settle"],
        &["demo"],
        &["bundle"],
        &["bundle", "build"],
        &["bundle", "commit"],
        &["bundle", "agree"],
        &["bundle", "mark"],
        &["sim"],
        &["bench"],
        &["bench", "vs-anvil"],
        &["bench", "overload"],
        &["bench", "accounts"],
        &["import"],
        &["keys"],
        &["keys", "new"],
        &["promise"],
        &["promise", "get"],
        &["verify-promise"],
        &["sealed"],
        &["sealed", "deposit"],
        &["sealed", "key"],
        &["sealed", "send"],
        &["committee", "serve"],
        &["shield"],
        &["evidence"],
        &["evidence", "verify"],
        &["evidence", "make"],
        &["evidence", "submit"],
        &["evidence", "compensate"],
        &["watch"],
        &["l1", "deploy"],
        &["l1", "dev"],
    ] {
        let help = weft(&[command, &["--help"]].concat());
        assert_eq!((help.code, help.err.as_str()), (0, ""), "{command:?}");
        assert!(help.out.lines().all(|line| line.chars().count() <= 80), "{}", help.out);
    }
    assert!(weft(&["--version"]).out.starts_with("weft "));
}

#[test]
fn wrong_usage_is_named_and_ends_with_1() {
    for (args, part) in [
        (&["--colour"][..], "unexpected argument '--colour'"),
        (&["fly"], "unrecognized subcommand 'fly'"),
        (&["dev", "--slot", "soon"], "write a time like 200ms or 1s"),
        (&["dev", "--port", "70000"], "70000 is not in 0..=65535"),
        (&["bench", "vs-anvil", "--anvil"], "--anvil"),
        (&["bench", "overload", "--seconds", "0"], "nothing is measured in no time"),
        (&["bench", "accounts", "--accounts", "5"], "expected --few or more"),
        (&["bench", "accounts", "--folder", "/nowhere"], "no such folder"),
        (&["dev", "--priority", "luck"], "`luck` is none of fcfs, fees"),
        (&["dev", "--gas-limit", "1"], "gas limit 1, expected"),
        (&["dev", "--common-port", "70000"], "70000 is not in 0..=65535"),
        (&["demo"], "Usage: weft demo"),
        (&["sim", "--rollups", "9"], "9 is not in 2..=5"),
        (&["bundle", "status", "0x12"], "write 0x and 64 hex digits"),
        (&["withdraw", "--amount", "1", "--to", "0x12"], "write 0x and 40 hex digits"),
        (
            &["withdraw", "--amount", "1", "--to", "0xf39fd6e51aad88F6F4ce6aB8827279cffFb92266"],
            "has a wrong checksum",
        ),
        (&["withdraw", "--amount", "1", "--key", "0x12"], "write 0x and 64 hex digits"),
        (&["bundle", "sign", "x.json"], "--key"),
        (&["bundle", "build", "--leg", "901"], "write a leg as 901:from="),
        (&["bundle", "build", "--leg", "901:to=0x12"], "`to=0x12` is not an address"),
        (&["bundle", "build", "--leg", "901:value=1ether"], "`from=0x..` is missing"),
    ] {
        let ran = weft(args);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{args:?}");
        assert!(ran.err.contains(part), "{args:?}: {}", ran.err);
    }
}

#[test]
fn errors_are_one_line_and_say_what_to_do() {
    let nowhere = "http://127.0.0.1:1";
    let id = "0x0000000000000000000000000000000000000000000000000000000000000001";
    let unsigned = format!(r#"{{"legs":[{{"chainId":901,"from":"{ALICE}","to":"{ALICE}"}}]}}"#);
    let realm = "0:0x0000000000000000000000000000000000000000:0";
    let edited = weft_reading(&["bundle", "build", "--domain", realm], &unsigned)
        .out
        .replace("0x0\"", "0x1\"");
    let edited = Scratch::with(&edited);
    for (args, input, part) in [
        (&["demo", "flash-loan", "--rpc", nowhere][..], "", "is `weft dev` running there?"),
        (&["bundle", "status", id, "--rpc", nowhere], "", "is `weft dev` running there?"),
        (&["bundle", "status", id, "--rpc", "ftp://x"], "", "write http://host:port"),
        (&["bundle", "send", "missing.json"], "", "cannot read missing.json"),
        (&["bundle", "send"], "no json", "standard input is not JSON"),
        (&["bundle", "send"], "{}", "missing field `legs`"),
        (&["bundle", "send"], r#"{"legs":[{"chainId":901}]}"#, "run `weft bundle sign`"),
        (&["bundle", "build"], r#"{"legs":[]}"#, "a bundle needs a leg"),
        (&["bundle", "build"], "", "a bundle needs a leg"),
        (&["bundle", "sign", "--key", id], "", "standard input is empty"),
        (&["bundle", "send"], " \n", "name the output of `weft bundle sign`"),
        (&["shield", "--dir", "x", "--key", id], "", "name of an encrypted key file"),
        (&["shield", "--dir", "x", "--key", "no.json"], "", "`weft keys new no.json` makes one"),
        (&["keys", "new", "no.json", "--passphrase", "none"], "", "no passphrase in none"),
        (&["bundle", "build", "--rpc", nowhere], &unsigned, "Name it with --domain, or a node"),
        (&["bundle", "sign", "--key", id, edited.path()], "", "build it again"),
        (&["dev", "--load-state", "missing.json", "--port", "0"], "", "missing.json"),
        (
            &["dev", "--no-l1", "--gas-limit", "1"],
            "",
            "error: cannot start the node: invalid configuration",
        ),
    ] {
        let ran = weft_reading(args, input);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{args:?}: {}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(part), "{args:?}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{args:?}: {}", ran.err);
    }
}
