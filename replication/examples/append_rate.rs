//! Commands per second of a group of one, beside what the disk and SQLite allow.
//!
//! Three measurements take turns in one run, so that they see the same machine:
//! - *floor*: SQLite with `synchronous=FULL`, one writer that drains its queue into one transaction
//!   (group commit), the same bytes, as many callers waiting;
//! - *group*: the same commands through [`Group::propose`] to a machine that only counts;
//! - *commits*: the raft log alone, one row per commit, with the commit number synced and not.
//!
//! `cargo run --release -p gearify-replication --example append_rate [seconds] [rounds]`

#![expect(clippy::print_stdout, reason = "a measurement reports on its standard output")]

use bytes::Bytes;
use gearify_replication::{
    Applied, CommittedEntry, Group, GroupId, GroupOptions, Machine, MachineError, Node, NodeId, NodeOptions,
    SnapshotSource,
};
use gearify_storage::raftlog::{LogRow, RaftLog, RaftLogOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

const CALLERS: usize = 64;
const COMMAND_BYTES: usize = 500;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().expect("a number"));
    let lasts = Duration::from_secs(arguments.next().unwrap_or(5));
    let rounds = arguments.next().unwrap_or(3);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("{CALLERS} callers, {COMMAND_BYTES} B a command, {} s each", lasts.as_secs());
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let dir = tempfile::tempdir().expect("a directory");
        let floor = runtime.block_on(floor(&dir.path().join("floor"), lasts));
        let group = runtime.block_on(group(&dir.path().join("group"), lasts));
        let plain = commits(&dir.path().join("plain"), lasts / 2, false);
        let synced = commits(&dir.path().join("synced"), lasts / 2, true);
        ratios.push(group.rate / floor.rate);
        println!("round {round}, load {}", load());
        println!("  floor   {floor}");
        println!("  group   {group}   {:.2} of the floor", group.rate / floor.rate);
        println!("  commits {plain:.0}/s, with the commit number synced {synced:.0}/s");
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2}", ratios[ratios.len() / 2]);
}

struct Measured {
    rate: f64,
    median: Duration,
    p99: Duration,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        write!(f, "{:.0}/s, p50 {:.2} ms, p99 {:.2} ms", self.rate, millis(self.median), millis(self.p99))
    }
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}

/// Runs `call` in a closed loop from all callers, after a second to warm up.
async fn measure<F>(lasts: Duration, call: impl Fn(Bytes) -> F + Clone + Send + 'static) -> Measured
where
    F: Future<Output = ()> + Send,
{
    let recording = Arc::new(AtomicBool::new(false));
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (call, recording, stop) = (call.clone(), Arc::clone(&recording), Arc::clone(&stop));
        callers.spawn(async move {
            let command = Bytes::from(vec![caller as u8; COMMAND_BYTES]);
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                call(command.clone()).await;
                if recording.load(Ordering::Relaxed) {
                    latencies.push(start.elapsed());
                }
            }
            latencies
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    recording.store(true, Ordering::Relaxed);
    tokio::time::sleep(lasts).await;
    stop.store(true, Ordering::Relaxed);
    let mut all: Vec<Duration> = callers.join_all().await.concat();
    all.sort_unstable();
    let at = |share: usize| all[all.len() * share / 100];
    Measured { rate: all.len() as f64 / lasts.as_secs_f64(), median: at(50), p99: at(99) }
}

async fn floor(dir: &Path, lasts: Duration) -> Measured {
    std::fs::create_dir_all(dir).expect("a directory");
    let connection = rusqlite::Connection::open(dir.join("floor.sqlite")).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE log (id INTEGER PRIMARY KEY, body BLOB NOT NULL);",
        )
        .expect("a table");
    let (queue, waiting) = mpsc::channel(1024);
    let (batches, to_write) = mpsc::channel(1);
    std::thread::spawn(move || write_floor(connection, to_write));
    tokio::spawn(gather_floor(waiting, batches));
    measure(lasts, move |command| {
        let queue = queue.clone();
        async move {
            let (done, written) = oneshot::channel();
            queue.send((command, done)).await.expect("the writer runs");
            written.await.expect("written");
        }
    })
    .await
}

type Batch = (Vec<Bytes>, oneshot::Sender<()>);

/// One transaction in flight, what arrives meanwhile shares the next, as a group does it.
async fn gather_floor(
    mut waiting: mpsc::Receiver<(Bytes, oneshot::Sender<()>)>,
    batches: mpsc::Sender<Batch>,
) {
    let mut gathered = Vec::new();
    while waiting.recv_many(&mut gathered, 256).await > 0 {
        let (commands, callers): (Vec<Bytes>, Vec<_>) = gathered.drain(..).unzip();
        let (done, written) = oneshot::channel();
        batches.send((commands, done)).await.expect("the writer runs");
        written.await.expect("written");
        for caller in callers {
            let _ = caller.send(());
        }
    }
}

fn write_floor(mut connection: rusqlite::Connection, mut batches: mpsc::Receiver<Batch>) {
    let mut id = 0i64;
    while let Some((commands, done)) = batches.blocking_recv() {
        let transaction = connection.transaction().expect("a transaction");
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO log (id, body) VALUES (?1, ?2)")
                .expect("a statement");
            for command in &commands {
                insert.execute(rusqlite::params![id, &command[..]]).expect("inserted");
                id += 1;
            }
        }
        transaction.commit().expect("committed");
        let _ = done.send(());
    }
}

async fn group(dir: &Path, lasts: Duration) -> Measured {
    let node = Node::open(NodeOptions::new(NodeId(1), "measurement", dir)).expect("a node");
    let counter = Counter::default();
    let group = node.start_group(GroupId(16), counter, GroupOptions::default()).await.expect("a group");
    group.bootstrap([NodeId(1)].into()).await.expect("bootstrapped");
    group.leadership().wait_for(|leadership| leadership.mine).await.expect("led");
    let (calls, first) = (Arc::new(AtomicU64::new(0)), group.applied_index());
    let measured = measure(lasts, {
        let (group, calls) = (group.clone(), Arc::clone(&calls));
        move |command| propose(group.clone(), Arc::clone(&calls), command)
    })
    .await;
    let entries = group.applied_index() - first;
    println!("  ({:.1} commands an entry)", calls.load(Ordering::Relaxed) as f64 / entries as f64);
    node.stop().await;
    measured
}

async fn propose(group: Group, calls: Arc<AtomicU64>, command: Bytes) {
    group.propose(command).await.expect("acknowledged");
    calls.fetch_add(1, Ordering::Relaxed);
}

/// One row, one commit, one after the other.
fn commits(dir: &Path, lasts: Duration, sync_commit_number: bool) -> f64 {
    let mut options = RaftLogOptions::new(dir, &b"measurement"[..]);
    options.sync_commit_number = sync_commit_number;
    let log = RaftLog::open(options).expect("a log");
    let group = log.group(1);
    let start = Instant::now();
    let mut index = 0;
    while start.elapsed() < lasts {
        let (done, written) = std::sync::mpsc::sync_channel(1);
        let row = LogRow {
            index,
            term: Bytes::from_static(&[0; 16]),
            body: Bytes::from_static(&[7; COMMAND_BYTES]),
        };
        group.append(vec![row], Box::new(move |result| drop(done.send(result)))).expect("queued");
        written.recv().expect("answered").expect("written");
        index += 1;
    }
    index as f64 / start.elapsed().as_secs_f64()
}

/// A machine that counts. Its state is in memory; the log is what is measured.
#[derive(Default)]
struct Counter {
    count: u64,
    applied: Applied,
}

impl Machine for Counter {
    fn apply(
        &mut self,
        entries: &[CommittedEntry],
        after: &Applied,
    ) -> Result<Vec<Vec<Bytes>>, MachineError> {
        self.applied = after.clone();
        let reply = |count: &mut u64| {
            *count += 1;
            Bytes::copy_from_slice(&count.to_be_bytes())
        };
        let count = &mut self.count;
        Ok(entries.iter().map(|entry| entry.commands.iter().map(|_| reply(count)).collect()).collect())
    }

    fn applied(&self) -> Result<Applied, MachineError> {
        Ok(self.applied.clone())
    }

    fn snapshot(&mut self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        Ok(Box::new(Frozen(self.count)))
    }

    fn install(&mut self, after: &Applied, content: &mut dyn Read) -> Result<(), MachineError> {
        let mut count = [0; 8];
        content.read_exact(&mut count).map_err(MachineError::new)?;
        self.count = u64::from_be_bytes(count);
        self.applied = after.clone();
        Ok(())
    }
}

struct Frozen(u64);

impl SnapshotSource for Frozen {
    fn write_to(self: Box<Self>, out: &mut dyn Write) -> Result<(), MachineError> {
        out.write_all(&self.0.to_be_bytes()).map_err(MachineError::new)
    }
}
