//! What the machine can do at all: a constant over HTTP, a commit to disk.

use anyhow::Result;
use rusqlite::{Connection, params};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// Serves a constant body of `bytes` bytes on a loopback port of its own choosing, and says which.
pub async fn hello(bytes: usize, mut ready: impl FnMut(SocketAddr)) -> Result<()> {
    let body: String = "x".repeat(bytes);
    let body: &'static str = Box::leak(body.into_boxed_str());
    let app = axum::Router::new().fallback(move || async move { body });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    ready(listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

fn open(dir: &Path, name: &str) -> Result<Connection> {
    let database = Connection::open(dir.join(name))?;
    database.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE row(id INTEGER PRIMARY KEY, body BLOB);",
    )?;
    Ok(database)
}

/// A SQLite table with `synchronous=FULL` whose writers take turns: each commits its own bytes in a
/// transaction of its own, and has them on disk before the next begins.
#[derive(Clone)]
pub struct CommitLoop {
    database: Arc<Mutex<Connection>>,
}

impl CommitLoop {
    pub fn start(dir: &Path) -> Result<CommitLoop> {
        Ok(CommitLoop { database: Arc::new(Mutex::new(open(dir, "turns.sqlite")?)) })
    }

    /// Returns when the bytes are on disk. Blocks its thread.
    pub fn write(&self, body: &[u8]) -> Result<()> {
        let mut database = self.database.lock().expect("no writer panics");
        Ok(commit(&mut database, [body])?)
    }
}

type Waiting = (Vec<u8>, oneshot::Sender<()>);

/// The same table with one writer that commits whatever waits, in one transaction.
#[derive(Clone)]
pub struct GroupCommit {
    queue: std::sync::mpsc::SyncSender<Waiting>,
}

impl GroupCommit {
    /// Most rows one transaction takes: as many as the raft log's.
    const ROWS_MAX: usize = 256;

    pub fn start(dir: &Path) -> Result<GroupCommit> {
        let mut database = open(dir, "group.sqlite")?;
        let (queue, rows) = std::sync::mpsc::sync_channel::<Waiting>(4_096);
        std::thread::spawn(move || {
            while let Ok(first) = rows.recv() {
                let mut batch = vec![first];
                while batch.len() < GroupCommit::ROWS_MAX {
                    let Ok(next) = rows.try_recv() else { break };
                    batch.push(next);
                }
                if commit(&mut database, batch.iter().map(|(body, _)| body.as_slice())).is_err() {
                    return;
                }
                for (_, done) in batch {
                    let _ = done.send(());
                }
            }
        });
        Ok(GroupCommit { queue })
    }

    /// Returns when the bytes are on disk.
    pub async fn write(&self, body: Vec<u8>) -> Result<()> {
        let (done, written) = oneshot::channel();
        self.queue.send((body, done))?;
        Ok(written.await?)
    }
}

fn commit<'b>(database: &mut Connection, bodies: impl IntoIterator<Item = &'b [u8]>) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    {
        let mut insert = transaction.prepare_cached("INSERT INTO row(body) VALUES (?1)")?;
        for body in bodies {
            insert.execute(params![body])?;
        }
    }
    transaction.commit()
}
