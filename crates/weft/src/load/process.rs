//! Nodes in processes of their own, and what Linux says about them.

use super::http::Connection;
use eyre::{OptionExt, Result, WrapErr, bail};
use serde_json::json;
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::{Child, Command};

/// Longest wait for a node to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Ticks of processor time in a second, on every Linux that is in use.
const TICKS: f64 = 100.0;

/// A node that runs; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    child: Child,
    /// Where it serves JSON-RPC.
    pub(crate) url: String,
    /// Directory that goes with it.
    data_dir: Option<PathBuf>,
}

/// What a node is started with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    /// EIP-155 id.
    pub(crate) chain_id: u64,
    /// Length of a slot, or time between blocks.
    pub(crate) slot: Duration,
    /// Gas limit of a block.
    pub(crate) gas_limit: u64,
}

impl NodeProcess {
    /// Starts this program as a node; with a folder, everything is on disk there before it is answered.
    pub(crate) async fn weft(chain: Chain, durable_in: Option<&Path>) -> Result<Self> {
        Self::weft_with(chain, durable_in, &[]).await
    }

    /// The same with more arguments.
    pub(crate) async fn weft_with(
        chain: Chain,
        durable_in: Option<&Path>,
        more: &[&str],
    ) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["dev", "--no-l1", "--quiet", "--rollups", "1", "--port", &port.to_string()]);
        command.args(["--slot", &format!("{}ms", chain.slot.as_millis())]);
        command.args(["--gas-limit", &chain.gas_limit.to_string()]);
        command.args(more);
        let data_dir = durable_in.map(|folder| folder.join(format!("weft-bench-{port}")));
        if let Some(dir) = &data_dir {
            command.arg("--data-dir").arg(dir);
        }
        Self::start(command, port, data_dir).await
    }

    /// Starts anvil with interval mining.
    pub(crate) async fn anvil(program: &Path, chain: Chain) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(program);
        command.args(["--silent", "--no-request-size-limit", "--order", "fifo"]);
        command.args(["--port", &port.to_string(), "--chain-id", &chain.chain_id.to_string()]);
        command.args(["--block-time", &chain.slot.as_secs_f64().to_string()]);
        command.args(["--gas-limit", &chain.gas_limit.to_string()]);
        Self::start(command, port, None).await
    }

    async fn start(mut command: Command, port: u16, data_dir: Option<PathBuf>) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let name = command.as_std().get_program().display().to_string();
        let child = command.spawn().wrap_err_with(|| format!("cannot start {name}"))?;
        let url = format!("http://127.0.0.1:{port}");
        let mut node = Self { child, url, data_dir };
        node.wait().await.wrap_err_with(|| format!("{name} did not start"))?;
        Ok(node)
    }

    async fn wait(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Ok(mut connection) = Connection::open(&self.url).await
                && connection.call("eth_chainId", json!([])).await.is_ok()
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}");
            }
            if begun.elapsed() > PATIENCE {
                bail!("it does not answer at {}", self.url);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the process and removes its files.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// Returns the id of the process.
    pub(crate) fn id(&self) -> Result<u32> {
        self.child.id().ok_or_eyre("the node has ended")
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        if let Some(dir) = &self.data_dir {
            // The process may still write its last file; what is left is in a folder for such things.
            let _ = self.child.start_kill();
            let _ = fs::remove_dir_all(dir);
        }
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Returns the processor time that a process has used, in seconds.
pub(crate) fn processor_seconds(id: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')').ok_or_eyre("no statistics of the process")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS)
}

/// Returns the memory of a process that is in use, in bytes.
pub(crate) fn resident_bytes(id: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.ok_or_eyre("no statistics of the process")?.parse::<u64>()? * 1024)
}

/// Returns the load of the machine over the last minute, in runnable processes.
pub(crate) fn machine_load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// Returns how long `rounds` writes of 4 KiB took, each with a sync of the file, in a folder.
pub(crate) fn sync_times(folder: &Path, rounds: usize) -> Result<super::stats::Times> {
    use std::io::Write;
    let path = folder.join(format!("weft-bench-sync-{}", std::process::id()));
    let mut file = fs::File::create(&path)?;
    let mut times = super::stats::Times::default();
    for _ in 0..rounds {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    fs::remove_file(path)?;
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_has_figures() {
        let id = std::process::id();
        assert!(processor_seconds(id).unwrap() >= 0.0);
        assert!(resident_bytes(id).unwrap() > 1 << 20);
        assert!(processor_seconds(u32::MAX).is_err());
    }
}
