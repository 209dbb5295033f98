//! What the node says while it runs: one line for each event that is worth an operator's time.

use crate::settings::Settings;
use eyre::{Result, eyre};
use serde_json::{Map, Value, json};
use std::{
    fmt,
    io::{IsTerminal as _, stderr, stdout},
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Registry,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        layer,
        time::{FormatTime, SystemTime, uptime},
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt as _,
};

/// What is logged when nobody says.
const DEFAULT: &str = "warn,weft=info";

/// Way to change what is logged.
#[derive(Debug, Clone)]
pub(crate) struct Control(reload::Handle<EnvFilter, Registry>);

impl Control {
    /// Changes what is logged.
    pub(crate) fn set(&self, level: &str) -> Result<(), String> {
        let filter = EnvFilter::try_new(level).map_err(|error| error.to_string())?;
        self.0.reload(filter).map_err(|error| error.to_string())
    }
}

/// Begins to print events: for people on standard error, or as JSON lines on standard output.
///
/// # Errors
///
/// A level that cannot be read.
pub(crate) fn start(settings: &Settings) -> Result<Control> {
    let (as_json, level) = settings.log();
    let level = level.map(str::to_owned).or_else(|| std::env::var("RUST_LOG").ok());
    let level = level.filter(|level| !level.is_empty()).unwrap_or_else(|| DEFAULT.to_owned());
    let filter =
        EnvFilter::try_new(&level).map_err(|error| eyre!("log level `{level}`: {error}"))?;
    Ok(begin(as_json, filter))
}

/// Checks that a level can be read.
pub(crate) fn check_level(level: &str) -> Result<(), String> {
    EnvFilter::try_new(level).map(drop).map_err(|error| error.to_string())
}

/// Begins to print warnings and what the command reports about itself, or what `RUST_LOG` says.
pub(crate) fn start_plain(as_json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    begin(as_json, filter);
}

fn begin(as_json: bool, filter: EnvFilter) -> Control {
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::registry().with(filter);
    // A second start in one process would be refused; there is none.
    if as_json {
        lines.with(layer().with_writer(stdout).event_format(JsonLine)).init();
    } else {
        let is_colored = stderr().is_terminal();
        let text = layer().with_writer(stderr).with_ansi(is_colored);
        let text = text.with_target(false).with_timer(uptime());
        lines.with(text).init();
    }
    Control(handle)
}

/// Formats an event as one JSON object.
#[derive(Debug)]
struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut members = Members(Map::new());
        event.record(&mut members);
        let Members(mut line) = members;
        let message = line.remove("message").unwrap_or(Value::Null);
        line.insert("event".to_owned(), message);
        let level = event.metadata().level().as_str().to_lowercase();
        line.insert("level".to_owned(), json!(level));
        line.insert("target".to_owned(), json!(event.metadata().target()));
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        line.insert("time".to_owned(), json!(time));
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Fields of an event.
#[derive(Debug)]
struct Members(Map<String, Value>);

impl Visit for Members {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), json!(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), json!(format!("{value:?}")));
    }
}
