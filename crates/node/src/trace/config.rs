//! Which tracer with which configuration a client asked for.

use crate::rpc::errors::{RpcError, RpcResult};
use alloy_rpc_types_trace::geth::{
    CallConfig, FlatCallConfig, GethDebugBuiltInTracerType as BuiltIn, GethDebugTracerConfig,
    GethDebugTracerType as Tracer, GethDebugTracingOptions, GethDefaultTracingOptions,
    PreStateConfig,
};
use revm_inspectors::tracing::TracingInspectorConfig;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Time that a trace may take when the client names none, as in go-ethereum.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// Most time that a client may name.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);
/// Most tracers in a mux.
const MAX_MUXED: usize = 16;

/// A tracer.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Every opcode.
    Struct(GethDefaultTracingOptions),
    /// The tree of calls.
    Call(CallConfig),
    /// The tree of calls as a list.
    FlatCall(FlatCallConfig),
    /// Accounts before, or before and after.
    Prestate(PreStateConfig),
    /// Selectors with the size of what follows them.
    FourByte,
    /// Nothing.
    Noop,
    /// Several by name.
    Mux(Vec<(String, Self)>),
}

/// What a client asked for.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) kind: Kind,
    pub(crate) timeout: Duration,
}

impl Options {
    /// Reads the options of a tracing method.
    pub(crate) fn new(options: GethDebugTracingOptions) -> RpcResult<Self> {
        let timeout = options.timeout.as_deref().map(duration).transpose()?;
        let kind = match options.tracer {
            None => Kind::Struct(options.config),
            Some(tracer) => Kind::named(&tracer, options.tracer_config)?,
        };
        Ok(Self { kind, timeout: timeout.unwrap_or(DEFAULT_TIMEOUT).min(MAX_TIMEOUT) })
    }

    /// Options of an answer that has no tracer of its own.
    pub(crate) const fn plain(kind: Kind) -> Self {
        Self { kind, timeout: DEFAULT_TIMEOUT }
    }
}

impl Kind {
    fn named(tracer: &Tracer, config: GethDebugTracerConfig) -> RpcResult<Self> {
        let Tracer::BuiltInTracer(built_in) = tracer else {
            let name: String = tracer.as_str().chars().take(64).collect();
            return Err(RpcError::refused(format!("tracer not found: {name}")));
        };
        Ok(match built_in {
            BuiltIn::CallTracer => Self::Call(read(config)?),
            BuiltIn::FlatCallTracer => Self::FlatCall(read(config)?),
            BuiltIn::PreStateTracer => {
                let config: PreStateConfig = read(config)?;
                Self::Prestate(config)
            }
            BuiltIn::FourByteTracer => Self::FourByte,
            BuiltIn::NoopTracer => Self::Noop,
            BuiltIn::MuxTracer => Self::Mux(muxed(config)?),
            other => {
                let name = serde_json::to_value(other).unwrap_or_default();
                return Err(RpcError::refused(format!("tracer not found: {name}")));
            }
        })
    }

    /// Returns what must be recorded.
    pub(crate) fn recording(&self) -> TracingInspectorConfig {
        match self {
            Self::Struct(config) => TracingInspectorConfig::from_geth_config(config),
            Self::Call(config) => TracingInspectorConfig::from_geth_call_config(config),
            Self::FlatCall(config) => TracingInspectorConfig::from_flat_call_config(config),
            Self::Prestate(_) | Self::FourByte | Self::Noop => TracingInspectorConfig::none(),
            Self::Mux(kinds) => {
                let mut all = TracingInspectorConfig::none();
                for (_, kind) in kinds {
                    all.merge(kind.recording());
                }
                all
            }
        }
    }

    /// Returns true when accounts must be remembered.
    pub(crate) fn needs_accounts(&self) -> bool {
        match self {
            Self::Prestate(_) => true,
            Self::Mux(kinds) => kinds.iter().any(|(_, kind)| kind.needs_accounts()),
            _ => false,
        }
    }
}

fn read<T: DeserializeOwned + Default>(config: GethDebugTracerConfig) -> RpcResult<T> {
    if config.is_null() {
        return Ok(T::default());
    }
    let wrong = |error| RpcError::params(format!("invalid tracerConfig: {error}"));
    config.from_value().map_err(wrong)
}

fn muxed(config: GethDebugTracerConfig) -> RpcResult<Vec<(String, Kind)>> {
    let serde_json::Value::Object(config) = config.into_json() else {
        return Err(RpcError::params("invalid tracerConfig: muxTracer needs tracers by name"));
    };
    if config.len() > MAX_MUXED {
        return Err(RpcError::limit(format!("muxTracer takes at most {MAX_MUXED} tracers")));
    }
    let tracer = |(name, config): (String, serde_json::Value)| {
        let tracer: Tracer = serde_json::from_value(serde_json::Value::String(name.clone()))
            .map_err(|error| RpcError::params(format!("invalid tracerConfig: {error}")))?;
        let kind = Kind::named(&tracer, GethDebugTracerConfig(config))?;
        if matches!(kind, Kind::Mux(_)) {
            return Err(RpcError::params("invalid tracerConfig: muxTracer inside of muxTracer"));
        }
        Ok((name, kind))
    };
    config.into_iter().map(tracer).collect()
}

/// Reads a duration as Go writes it: `5s`, `300ms`, `1m30s`.
fn duration(text: &str) -> RpcResult<Duration> {
    let invalid = || RpcError::params(format!("invalid timeout: time: invalid duration {text:?}"));
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let seconds = match &rest[..unit] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(invalid()),
        };
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| invalid())?;
        total = total.checked_add(part).ok_or_else(invalid)?;
        rest = &rest[unit..];
    }
    if text.is_empty() { Err(invalid()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(duration("5s").unwrap(), Duration::from_secs(5));
        assert_eq!(duration("1m30s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("1.5s").unwrap(), Duration::from_millis(1500));
        assert_eq!(duration("0").unwrap(), Duration::ZERO);
        for wrong in ["", "5", "s", "5x", "-1s", "1e9h", ".s", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
