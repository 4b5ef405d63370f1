//! The node under load: started by the driver with demo data, on loopback, ended by it.

use crate::client::Connection;
use crate::report::processor_time;
use crate::shop::HOST;
use anyhow::{Context, Result, bail};
use hyper::Method;
use rusqlite::OpenFlags;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Longest time a demo may take to make its shops.
const MAKING_MAX: Duration = Duration::from_secs(900);
const ENDING_MAX: Duration = Duration::from_secs(30);

/// How much the demo sells.
#[derive(Clone, Copy)]
pub struct Range {
    pub shops: usize,
    /// Of each shop.
    pub products: usize,
}

/// A running demo.
pub struct Demo {
    pub address: SocketAddr,
    child: Child,
    data: tempfile::TempDir,
    range: Range,
    /// From the start of the process to the first page.
    pub first_page: Duration,
}

impl Demo {
    /// Starts `gearify demo` from the folder this driver stands in, on a fresh directory.
    pub async fn start(range: Range) -> Result<Demo> {
        Demo::start_on(tempfile::tempdir()?, range).await
    }

    async fn start_on(data: tempfile::TempDir, range: Range) -> Result<Demo> {
        let binary = binary()?;
        let address: SocketAddr = free_address()?;
        let summary = data.path().join("summary.json");
        let begun = Instant::now();
        let child = Command::new(&binary)
            .arg("demo")
            .args(["--listen", &address.to_string()])
            .args(["--products", &range.products.to_string()])
            .args(["--shops", &range.shops.to_string()])
            .arg("--data")
            .arg(data.path().join("node"))
            .arg("--summary")
            .arg(&summary)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let mut demo = Demo { address, child, data, range, first_page: Duration::ZERO };
        demo.first_page = demo.wait_for_page(begun).await?;
        demo.wait_for(&summary).await?;
        Ok(demo)
    }

    /// Ends the node as Ctrl-C does and starts it again on the same directory.
    pub async fn restart(self) -> Result<Demo> {
        let range = self.range;
        Demo::start_on(self.stop().await?, range).await
    }

    /// Ends the node as Ctrl-C does; its data lies in `node` of the directory.
    pub async fn stop(mut self) -> Result<tempfile::TempDir> {
        let id = self.child.id().context("the node is running")?;
        let told = Command::new("kill").args(["-INT", &id.to_string()]).status().await?;
        if !told.success() {
            bail!("the node could not be told to stop");
        }
        tokio::time::timeout(ENDING_MAX, self.child.wait()).await.context("the node did not stop")??;
        std::fs::remove_file(self.data.path().join("summary.json"))?;
        Ok(self.data)
    }

    async fn wait_for_page(&mut self, begun: Instant) -> Result<Duration> {
        while begun.elapsed() < MAKING_MAX {
            if let Some(status) = self.child.try_wait()? {
                bail!("the demo ended by itself: {status}");
            }
            if let Ok(mut connection) = Connection::open(self.address, HOST).await
                && let Ok(answer) = connection.get("/").await
                && answer.status.is_success()
            {
                return Ok(begun.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the demo showed no page within {MAKING_MAX:?}")
    }

    async fn wait_for(&mut self, summary: &Path) -> Result<()> {
        let deadline = Instant::now() + MAKING_MAX;
        while !summary.exists() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the demo ended by itself: {status}");
            }
            if Instant::now() > deadline {
                bail!("the demo was not ready within {MAKING_MAX:?}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    pub async fn connect(&self) -> Result<Connection> {
        Connection::open(self.address, HOST).await
    }

    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// The access token of the measured shop's owner.
    pub async fn owner_token(&self) -> Result<String> {
        let summary: Value = serde_json::from_slice(&std::fs::read(self.data.path().join("summary.json"))?)?;
        let shops = summary["shops"].as_array().into_iter().flatten();
        let shop = shops.into_iter().find(|shop| shop["host"] == HOST).context("the demo has this shop")?;
        let login = json!({ "email": shop["owner"]["email"], "password": shop["owner"]["password"] });
        let mut connection = self.connect().await?;
        let tokens =
            connection.must(Method::POST, "/api/v1/admin/auth/login", &[], Some(&login)).await?.json()?;
        Ok(tokens["access_token"].as_str().context("a login answers a token")?.to_owned())
    }

    /// The node's memory in MiB, as the kernel counts it.
    pub fn memory_mib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id().unwrap_or_default());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1_024
    }

    /// Waits until the node does nothing any more, at most ten seconds.
    pub async fn rest(&self) {
        for _ in 0..10 {
            let before = processor_time(self.process());
            tokio::time::sleep(Duration::from_secs(1)).await;
            if processor_time(self.process()) - before <= Duration::from_millis(20) {
                return;
            }
        }
    }

    /// What the node holds in memory when it rests: once threads that have nothing to do any more are gone, which
    /// takes the runtime ten seconds, what they held has gone back.
    pub async fn memory_at_rest(&self) -> u64 {
        self.rest().await;
        tokio::time::sleep(Duration::from_secs(12)).await;
        self.memory_mib()
    }

    /// Bytes in the raft log after a row, and the last row: what orders really wrote.
    pub fn logged(&self, after: i64) -> Result<(u64, i64)> {
        logged(&self.data.path().join("node"), after)
    }
}

/// Bytes in the raft log of the node in `dir` after a row, and the last row.
pub fn logged(dir: &Path, after: i64) -> Result<(u64, i64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let log = rusqlite::Connection::open_with_flags(dir.join("log/raftlog.sqlite"), flags)?;
    log.pragma_update(None, "query_only", true)?;
    let sql =
        "SELECT coalesce(sum(length(body) + length(term)), 0), coalesce(max(id), ?1) FROM log WHERE id > ?1";
    Ok(log.query_row(sql, [after], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?)
}

pub fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let binary = own.parent().context("the driver stands in a folder")?.join("gearify");
    if !binary.exists() {
        bail!("{} is missing: run `cargo build --release` first", binary.display());
    }
    Ok(binary)
}

pub fn free_address() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
