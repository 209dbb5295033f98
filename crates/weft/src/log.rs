//! What the node says while it runs.

use serde_json::{Map, Value, json};
use std::{fmt, io::stderr};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer, time::uptime},
    registry::LookupSpan,
};

/// Begins to print events: for people on standard error, or as JSON lines on standard output. `RUST_LOG` chooses
/// which; by default warnings and what the node reports about itself.
pub(crate) fn start(as_json: bool) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,weft=info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    // A second start in one process would be refused; there is none.
    if as_json {
        lines.event_format(JsonLine).init();
    } else {
        lines.with_writer(stderr).with_target(false).with_timer(uptime()).init();
    }
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
