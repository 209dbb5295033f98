//! A connection that is kept: one request at a time, HTTP/1.1 with the length in front.

use eyre::{OptionExt, Result, WrapErr, bail, ensure, eyre};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Most bytes of a head or body that are read.
const MAX_BYTES: usize = 256 << 20;

/// A connection to a JSON-RPC port.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

/// One answer of a batch.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer<'a> {
    pub(crate) id: usize,
    #[serde(borrow)]
    pub(crate) result: Option<&'a RawValue>,
    pub(crate) error: Option<Refusal>,
}

/// Error of an answer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl Connection {
    /// Connects to `http://host:port`.
    pub(crate) async fn open(url: &str) -> Result<Self> {
        let host = url.strip_prefix("http://").ok_or_eyre("write http://host:port")?;
        let host = host.trim_end_matches('/').to_owned();
        let stream =
            TcpStream::connect(&host).await.wrap_err_with(|| format!("no node at {url}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host, buffer: Vec::new() })
    }

    /// Sends a request that [`Self::prepare`] made and returns the body of the answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.read().await
    }

    /// Calls a method.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        let call = json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params });
        let request = self.prepare(&call.to_string());
        let body = self.ask(&request).await?;
        let answer: Answer<'_> = serde_json::from_slice(body)?;
        match (answer.result, answer.error) {
            (_, Some(error)) => bail!("{method}: {} ({})", error.message, error.code),
            (Some(result), None) => Ok(serde_json::from_str(result.get())?),
            (None, None) => Ok(Value::Null),
        }
    }

    /// Returns the bytes of a request.
    pub(crate) fn prepare(&self, body: &str) -> Vec<u8> {
        prepare(&self.host, body)
    }

    async fn read(&mut self) -> Result<&[u8]> {
        self.buffer.clear();
        let (start, length) = loop {
            if let Some(found) = head(&self.buffer)? {
                break found;
            }
            self.more().await?;
        };
        while self.buffer.len() < start + length {
            self.more().await?;
        }
        ensure!(self.buffer.len() == start + length, "more came than was asked for");
        Ok(&self.buffer[start..])
    }

    async fn more(&mut self) -> Result<()> {
        ensure!(self.buffer.len() < MAX_BYTES, "an answer of more than {MAX_BYTES} bytes");
        self.buffer.reserve(64 << 10);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => bail!("the node closed the connection"),
            _ => Ok(()),
        }
    }
}

/// Returns the bytes of a request to `host`.
pub(crate) fn prepare(host: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// Returns a batch that sends raw transactions, numbered from 0.
pub(crate) fn batch<'a>(raws: impl Iterator<Item = &'a str>) -> String {
    let mut body = String::from("[");
    for (id, raw) in raws.enumerate() {
        let comma = if id == 0 { "" } else { "," };
        body += &format!(
            r#"{comma}{{"jsonrpc":"2.0","id":{id},"method":"eth_sendRawTransaction","params":["{raw}"]}}"#
        );
    }
    body + "]"
}

/// Reads the head of an answer, once it is whole: where its body starts, and how long it is.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end])?;
    let status = text.split(' ').nth(1).unwrap_or_default();
    ensure!(status == "200", "the node answered with status {status}");
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = lengths.next().ok_or_else(|| eyre!("an answer without a length"))?;
    Ok(Some((end + 4, length.trim().parse()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_when_they_are_whole() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nbody";
        assert_eq!(head(answer).unwrap(), Some((39, 12)));
        assert_eq!(head(&answer[..38]).unwrap(), None);
        for wrong in ["HTTP/1.1 503 No\r\ncontent-length: 1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
            assert!(head(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn batches_are_json() {
        let body: Value = serde_json::from_str(&batch(["0x01", "0x02"].into_iter())).unwrap();
        assert_eq!((&body[1]["id"], &body[1]["params"]), (&json!(1), &json!(["0x02"])));
        assert_eq!(batch(std::iter::empty()), "[]");
    }
}
