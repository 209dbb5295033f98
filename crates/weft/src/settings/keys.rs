//! Every key of the configuration: where it stands, what it takes, what holds without it, what it does.
//!
//! Flags, variables, the file and the reference page are all read off this table.

use super::value::Kind;

/// A key of the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// Section and name.
    pub(crate) path: &'static str,
    /// What it takes.
    pub(crate) kind: Kind,
    /// What holds when nobody says otherwise, as one would write it on the command line; empty for nothing.
    pub(crate) default: &'static str,
    /// Its flag, when it has one: name and what the value is called in the help.
    pub(crate) flag: Option<(&'static str, &'static str)>,
    /// What it does, in half a line.
    pub(crate) help: &'static str,
    /// Whether its value is never shown.
    pub(crate) is_secret: bool,
}

impl Key {
    const fn new(
        path: &'static str,
        kind: Kind,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        Self { path, kind, default, flag: None, help, is_secret: false }
    }

    const fn flag(self, name: &'static str, value: &'static str) -> Self {
        Self { flag: Some((name, value)), ..self }
    }

    const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// Returns the variable that says the same.
    pub(crate) fn variable(&self) -> String {
        format!("WEFT_{}", self.path.replace('.', "_").to_uppercase())
    }
}

const PORT: Kind = Kind::Number { least: 0, most: 65_535 };
const SOME: Kind = Kind::Number { least: 1, most: 1 << 40 };
const SOME_U32: Kind = Kind::Number { least: 1, most: u32::MAX as u64 };

/// Every key, by section.
pub(crate) const KEYS: &[Key] = &[
    Key::new(
        "node.data_dir",
        Kind::Path,
        "",
        "Directory to keep everything in; goes on from there",
    )
    .flag("data-dir", "DIR"),
    Key::new("node.archive", Kind::Switch, "false", "Keeps the state after every block")
        .flag("archive", "BOOL"),
    Key::new(
        "node.keep_log",
        Kind::Switch,
        "false",
        "Keeps the part of the log that no start needs",
    )
    .flag("keep-log", "BOOL"),
    Key::new("node.batches", Kind::Path, "", "Directory for batches, written as slots close")
        .flag("batches", "DIR"),
    Key::new(
        "node.batch_time",
        Kind::Time { least_ms: 1_000, most_ms: 86_400_000 },
        "60s",
        "Time after which a batch ends",
    ),
    Key::new(
        "node.follow",
        Kind::OneOf(&["l1"]),
        "",
        "Orders nothing: runs what L1 holds, without a key",
    )
    .flag("follow", "WHAT"),
    Key::new(
        "node.sequencer",
        Kind::Text,
        "",
        "The common port of its sequencer, to go ahead of L1",
    )
    .flag("sequencer-url", "URL"),
    Key::new("node.host", Kind::Host, "127.0.0.1", "Address to listen on").flag("host", "HOST"),
    Key::new(
        "node.origins",
        Kind::Text,
        "",
        "Web pages that may ask: \"*\", \"https://a.example,..\"; weft dev: all",
    ),
    Key::new("node.common_port", PORT, "", "Port with every rollup at /CHAINID; 0 for any")
        .flag("common-port", "PORT"),
    Key::new(
        "node.drain_timeout",
        Kind::Time { least_ms: 0, most_ms: 600_000 },
        "10s",
        "How long open connections may take to end at a stop",
    ),
    Key::new(
        "node.save_figures_every",
        Kind::Time { least_ms: 100, most_ms: 3_600_000 },
        "10s",
        "Time between two writes of the figures to the data directory",
    ),
    Key::new(
        "realm.id",
        Kind::Number { least: 0, most: 1 << 53 },
        "0",
        "Number of the realm; what is signed here is good in no other",
    ),
    Key::new(
        "realm.slot",
        Kind::Time { least_ms: 1, most_ms: 60_000 },
        "200ms",
        "Length of a slot: 200ms, 1s",
    )
    .flag("slot", "TIME"),
    Key::new(
        "realm.priority",
        Kind::OneOf(&["fcfs", "fees"]),
        "fcfs",
        "First come first, or who pays most",
    )
    .flag("priority", "WHO"),
    Key::new(
        "realm.genesis",
        Kind::Number { least: 1, most: 1 << 40 },
        "",
        "Time of the genesis blocks, Unix seconds; default: that of the first start",
    ),
    Key::new(
        "realm.rollups",
        Kind::Paths,
        "",
        "Files of the rollups; those not in the realm yet join it",
    ),
    Key::new("l1.urls", Kind::Text, "", "L1 endpoints, with commas; none may contradict another"),
    Key::new("l1.chain_id", SOME, "", "EIP-155 id of L1; `weft l1 deploy` writes it"),
    Key::new("l1.hub", Kind::Text, "", "Hub of the realm on L1; `weft l1 deploy` writes it"),
    Key::new(
        "l1.from",
        Kind::Number { least: 0, most: 1 << 53 },
        "0",
        "L1 block to read from; `weft l1 deploy` writes it",
    ),
    Key::new(
        "l1.confirmations",
        Kind::Number { least: 0, most: 64 },
        "64",
        "L1 blocks that must follow one before its inbox entries run",
    ),
    Key::new(
        "l1.safe",
        Kind::OneOf(&["posted", "settled"]),
        "posted",
        "What a block has to be on L1 for the tag `safe`",
    ),
    Key::new("l1.blobs", Kind::Text, "", "Directory or beacon endpoint with blobs; default: L1"),
    Key::new("sealing.enabled", Kind::Switch, "false", "Takes sealed items; see also `committee`")
        .flag("sealed", "BOOL"),
    Key::new(
        "sealing.epoch_slots",
        Kind::Number { least: 1, most: 65_536 },
        "5",
        "Slots that share a key; may not change",
    ),
    Key::new(
        "sealing.delay",
        Kind::Number { least: 1, most: 1 << 30 },
        "262144",
        "Squarings that open an epoch without its members; weft node: 546000000; may not change",
    ),
    Key::new(
        "sealing.setup",
        Kind::Path,
        "",
        "Setup of this delay, of `weft committee setup`; else each start squares once",
    ),
    Key::new(
        "sealing.committee",
        Kind::Path,
        "",
        "Members in processes of their own; may not change",
    ),
    Key::new(
        "sealing.members",
        Kind::Number { least: 1, most: 16 },
        "3",
        "Members of a committee in process; may not change",
    ),
    Key::new(
        "sealing.lead",
        Kind::Number { least: 1, most: 65_536 },
        "1",
        "Slots before an epoch in which its key is too late; may not change",
    ),
    Key::new(
        "sealing.max_items",
        Kind::Number { least: 1, most: 65_536 },
        "1024",
        "Most items of an epoch; may not change",
    ),
    Key::new(
        "sealing.patience",
        Kind::Time { least_ms: 1, most_ms: 600_000 },
        "500ms",
        "How long members may take to release before the node squares",
    ),
    Key::new(
        "sealing.solves",
        Kind::Switch,
        "true",
        "Whether the node squares for a silent member; else somebody else has to",
    ),
    Key::new(
        "sealing.advantage",
        Kind::Number { least: 0, most: 100_000 },
        "30",
        "How often faster than a processor the fastest solver may be; 0: unchecked",
    ),
    Key::new(
        "sealing.silent",
        Kind::Number { least: 0, most: 16 },
        "0",
        "Members that never release, to see the slow way",
    ),
    Key::new(
        "sealing.close_margin",
        Kind::Time { least_ms: 0, most_ms: 600_000 },
        "10s",
        "What an epoch may last longer than its slots; may not change",
    ),
    Key::new(
        "executors.chains",
        Kind::Numbers,
        "",
        "Rollup to run in a process of its own; may repeat",
    )
    .flag("executor", "CHAIN"),
    Key::new(
        "executors.timeout",
        Kind::Time { least_ms: 10, most_ms: 600_000 },
        "2s",
        "How long an executor may take to answer",
    ),
    Key::new("promise.key", Kind::Path, "", "Key file that signs promises")
        .flag("promise-key", "KEY"),
    Key::new(
        "promise.passphrase_file",
        Kind::Path,
        "",
        "File with the passphrase; else WEFT_PASSPHRASE",
    )
    .flag("passphrase", "FILE"),
    Key::new("promise.passphrase", Kind::Text, "", "The passphrase itself").secret(),
    Key::new("promise.signer", Kind::Text, "", "Program that holds the key, instead of a file")
        .flag("signer", "PROGRAM"),
    Key::new("promise.guard", Kind::Path, "", "What the key signed so far; default KEY.guard")
        .flag("guard", "FILE"),
    Key::new(
        "promise.commitments",
        Kind::Switch,
        "",
        "Commits to every slot's order; default: weft node, and with sealing",
    ),
    Key::new(
        "promise.deadline",
        Kind::Number { least: 0, most: 1 << 20 },
        "0",
        "L1 blocks within which a promised slot is on L1; 0 promises none",
    ),
    Key::new("admin.port", PORT, "", "Port for whoever runs the node; 0 for any")
        .flag("admin-port", "PORT"),
    Key::new("admin.host", Kind::Host, "127.0.0.1", "Address of the admin port"),
    Key::new(
        "admin.token_file",
        Kind::Path,
        "",
        "Token of the admin port; default DIR/admin.token",
    )
    .flag("admin-token", "FILE"),
    Key::new("log.format", Kind::OneOf(&["text", "json"]), "text", "Form of the log: text, json")
        .flag("log-format", "FORMAT"),
    Key::new("log.level", Kind::Text, "warn,weft=info", "Levels by target")
        .flag("log-level", "LEVEL"),
    Key::new(
        "limits.bundle_legs",
        Kind::Number { least: 1, most: 64 },
        "32",
        "Most legs of a bundle",
    ),
    Key::new(
        "limits.bundle_bytes",
        SOME,
        "524288",
        "Most bytes of a bundle's signed legs together",
    ),
    Key::new("limits.prepared", SOME, "1024", "Most bundles that wait for their marked legs"),
    Key::new(
        "limits.prepared_ttl",
        Kind::Time { least_ms: 1, most_ms: 86_400_000 },
        "120s",
        "How long a bundle waits for its marked legs",
    ),
    Key::new("limits.pending", SOME, "8192", "Most transactions that wait, over all rollups"),
    Key::new("limits.pending_bytes", SOME, "67108864", "Most bytes of them together"),
    Key::new("limits.gapped", SOME, "4096", "Most that came ahead of their nonce"),
    Key::new(
        "limits.pending_per_sender",
        SOME,
        "64",
        "Most waiting transactions of one sender on one rollup",
    ),
    Key::new("limits.sender_bytes", SOME, "1048576", "Most bytes of them together"),
    Key::new(
        "limits.pending_ttl",
        Kind::Time { least_ms: 1, most_ms: 86_400_000 },
        "3600s",
        "How long a transaction or bundle waits for its turn",
    ),
    Key::new("limits.body_bytes", SOME_U32, "8388608", "Most bytes of a request body"),
    Key::new("limits.response_bytes", SOME_U32, "134217728", "Most bytes of a response body"),
    Key::new("limits.batch", SOME_U32, "256", "Most calls in a batch"),
    Key::new("limits.connections", SOME_U32, "512", "Most connections per rollup"),
    Key::new("limits.subscriptions", SOME_U32, "256", "Most subscriptions per connection"),
    Key::new("limits.message_buffer", SOME_U32, "256", "Messages that wait for a slow connection"),
    Key::new(
        "limits.event_backlog",
        // There is room for all of them from the start on.
        Kind::Number { least: 1, most: 1 << 18 },
        "4096",
        "Events that a subscriber may be behind",
    ),
    Key::new(
        "limits.subscriber_patience",
        Kind::Time { least_ms: 1, most_ms: 600_000 },
        "5s",
        "How long a subscriber may take for one message",
    ),
    Key::new("limits.intake", SOME, "2048", "Most raw transactions on their way to the engine"),
    Key::new("limits.intake_bytes", SOME, "33554432", "Most bytes of them together"),
    Key::new(
        "limits.queued_requests",
        Kind::Number { least: 1, most: 1 << 20 },
        "4096",
        "Most requests that wait for the engine",
    ),
    Key::new("limits.filters", SOME, "1024", "Most installed filters per rollup"),
    Key::new(
        "limits.filter_ttl",
        Kind::Time { least_ms: 1, most_ms: 86_400_000 },
        "300s",
        "How long a filter lives without being asked",
    ),
    Key::new("limits.log_blocks", SOME, "100000", "Most blocks that one log query looks at"),
    Key::new("limits.logs", SOME, "20000", "Most logs that one query returns"),
    Key::new("limits.outcomes", SOME, "50000", "Most items whose outcome is remembered"),
    Key::new(
        "limits.outcome_bytes",
        SOME,
        "67108864",
        "Most bytes of remembered outcomes together",
    ),
    Key::new(
        "limits.removed_gas",
        SOME,
        "200000000",
        "Gas a second that removed items of one signer may declare",
    ),
    Key::new(
        "limits.removed_gas_of_all",
        SOME,
        "5000000000",
        "The same for all removed items in clear together",
    ),
    Key::new("limits.promises", SOME, "50000", "Most items whose promises are remembered"),
    Key::new(
        "limits.sync_send_timeout",
        Kind::Time { least_ms: 1, most_ms: 600_000 },
        "2s",
        "Longest wait of eth_sendRawTransactionSync",
    ),
    Key::new(
        "limits.call_gas",
        SOME,
        "60000000",
        "Gas of a call that names none, and the most that one may name",
    ),
];

/// Keys of a rollup's file.
pub(crate) const ROLLUP_KEYS: &[Key] = &[
    Key::new(
        "chain_id",
        Kind::Number { least: 1, most: u32::MAX as u64 - 1 },
        "",
        "EIP-155 id; may not change",
    ),
    Key::new("name", Kind::Text, "", "Name for people; default `rollup ID`"),
    Key::new("port", PORT, "0", "Port of its JSON-RPC; 0 for any"),
    Key::new(
        "gas_limit",
        Kind::Number { least: 5_000_000, most: 4_000_000_000 },
        "60000000",
        "Gas limit of a block; may not change",
    ),
    Key::new(
        "base_fee",
        Kind::Wei,
        "1gwei",
        "Base fee of the genesis block, at most 1 ether; may not change",
    ),
    Key::new(
        "failed",
        Kind::OneOf(&["keep", "remove"]),
        "keep",
        "A transaction in clear that fails: kept reverted, or removed; may not change",
    ),
];

/// Section of a rollup's file that names addresses and amounts.
pub(crate) const ALLOCATIONS: &str = "allocations";
