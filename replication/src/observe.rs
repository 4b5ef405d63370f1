//! Following a group without being a member of it.
//!
//! An observer votes on nothing and is counted by nobody: coming and going changes no membership. It asks
//! a [`Source`] for the committed entries after its last, page by page, or for a snapshot where they are
//! no longer in anybody's log, and gives them to the same kind of machine that members drive. It keeps no
//! log; what its machine holds is its position. Newest entries stay in memory for neighbours to read.
//!
//! Contract: entries reach the machine in order and without gaps, each once; a page that does not follow
//! the last entry is refused. A snapshot counts after its whole hash is right and it is on disk, and an
//! installation that a crash broke off is done again.

use crate::apply;
use crate::follow::FollowedEntry;
use crate::frames::{FrameError, FrameReader, FrameWriter};
use crate::group::{GroupInner, Leadership};
use crate::machine::{CommittedEntry, Machine};
use crate::node::{Fatal, StartError};
use crate::position::{Applied, GroupId, NodeId};
use crate::snapshots::{SnapshotFile, SnapshotStore};
use crate::transport::Transport;
use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a reader waits for news before it gets an empty page.
pub const PAGE_WAIT: Duration = Duration::from_secs(2);
/// Bytes of entries of one page, beyond one entry.
const PAGE_BYTES_MAX: usize = 1 << 20;
/// Bytes of a snapshot in one piece.
pub const PART_BYTES: usize = 1 << 20;
/// Bytes of newest entries kept for neighbours.
const TAIL_BYTES_MAX: usize = 8 << 20;
/// After this long without a page an observer counts as cut off, and neighbours ask others.
const CUT_OFF_AFTER: Duration = Duration::from_secs(6);
const PAUSE: Duration = Duration::from_millis(200);
/// In the group's directory: this node has only ever observed the group, so it has no vote to keep.
const MARK: &str = "observed";
const VERSION: u8 = 1;

/// What a reader of a group gets at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Consecutive entries from the index asked for; none if nothing was committed meanwhile.
    Entries { entries: Vec<FollowedEntry>, leader: Option<NodeId>, term: u64 },
    /// The entries asked for are gone: this snapshot covers them.
    Snapshot(SnapshotOffer),
}

/// A snapshot that can be read from whoever offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotOffer {
    pub hash: [u8; 32],
    pub bytes: u64,
}

/// Why a node has no page to give.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("this node does not hear from the group itself")]
    CutOff,
    #[error("the entries from {from} on are not here, nor a snapshot that covers them")]
    Missing { from: u64 },
    #[error("the snapshot asked for is not here any more")]
    OtherSnapshot,
    #[error("the log could not be read: {0}")]
    Io(#[from] io::Error),
}

/// Where an observer reads from: other nodes, near ones first.
pub trait Source: Send + Sync + 'static {
    /// A page of entries from `from` on, and who gave it.
    fn page(&self, group: GroupId, from: u64) -> BoxFuture<'_, Result<(NodeId, Page), String>>;

    /// A piece of a snapshot that this node offered, at most [`PART_BYTES`], empty at its end.
    fn part(
        &self,
        node: NodeId,
        group: GroupId,
        hash: [u8; 32],
        offset: u64,
    ) -> BoxFuture<'_, Result<Bytes, String>>;
}

const ENTRIES: u8 = 0;
const SNAPSHOT: u8 = 1;

impl Page {
    pub fn encode(&self) -> Bytes {
        let mut out = FrameWriter::new(VERSION);
        match self {
            Page::Entries { entries, leader, term } => {
                out.u8(ENTRIES);
                out.option(leader.as_ref(), |out, leader| out.u64(leader.0));
                out.u64(*term);
                out.u32(entries.len() as u32);
                for FollowedEntry { position, commands, membership } in entries {
                    out.position(position);
                    out.option(membership.as_ref(), |out, membership| out.sized(membership));
                    out.u32(commands.len() as u32);
                    commands.iter().for_each(|command| out.sized(command));
                }
            }
            Page::Snapshot(SnapshotOffer { hash, bytes }) => {
                out.u8(SNAPSHOT);
                out.raw(hash);
                out.u64(*bytes);
            }
        }
        out.finish()
    }

    /// # Errors
    /// [`FrameError`] if the bytes are not what [`Page::encode`] gave.
    pub fn decode(bytes: Bytes) -> Result<Page, FrameError> {
        let mut input = FrameReader::new(bytes, VERSION)?;
        let page = match input.u8()? {
            ENTRIES => {
                let leader = input.option(FrameReader::u64)?.map(NodeId);
                let term = input.u64()?;
                let mut entries = Vec::new();
                for _ in 0..input.u32()? {
                    let position = input.position()?;
                    let membership = input.option(FrameReader::sized)?;
                    let mut commands = Vec::new();
                    for _ in 0..input.u32()? {
                        commands.push(input.sized()?);
                    }
                    entries.push(FollowedEntry { position, commands, membership });
                }
                Page::Entries { entries, leader, term }
            }
            SNAPSHOT => {
                let hash = input.take(32)?.as_ref().try_into().map_err(|_| FrameError::Short)?;
                Page::Snapshot(SnapshotOffer { hash, bytes: input.u64()? })
            }
            found => return Err(FrameError::Kind { found }),
        };
        input.end()?;
        Ok(page)
    }
}

/// A page from a member's log.
pub(crate) async fn page_of_member(group: &GroupInner, from: u64, wait: Duration) -> Result<Page, PageError> {
    let Leadership { leader, term, .. } = group.leadership();
    if leader.is_none() {
        return Err(PageError::CutOff);
    }
    let nothing = Page::Entries { entries: Vec::new(), leader, term };
    let mut applied = group.applied();
    let reached = async { applied.wait_for(|applied| *applied >= from).await.map(|applied| *applied) };
    let applied = match timeout(wait, reached).await {
        Err(_) => return Ok(nothing),
        Ok(Err(_)) => return Err(PageError::CutOff),
        Ok(Ok(applied)) => applied,
    };
    let entries = group.log.read(from, applied + 1, PAGE_BYTES_MAX).await?;
    match entries.first() {
        Some(entry) if entry.log_id.index == from => {
            let entries = entries.iter().map(FollowedEntry::of).collect::<Result<Vec<_>, _>>();
            Ok(Page::Entries { entries: entries.map_err(io::Error::from)?, leader, term })
        }
        // A pristine log has nothing at 0 yet, though 0 is what it has applied.
        None if applied == 0 => {
            sleep(wait).await;
            Ok(nothing)
        }
        _ => match group.snapshots.current().filter(|file| file.applied().index() >= from) {
            Some(file) => Ok(Page::Snapshot(SnapshotOffer { hash: file.hash(), bytes: file.bytes() })),
            None => Err(PageError::Missing { from }),
        },
    }
}

/// A piece of the newest snapshot, if it is still the one offered. Blocks on the disk.
pub(crate) fn part_of(snapshots: &SnapshotStore, hash: &[u8; 32], offset: u64) -> Result<Vec<u8>, PageError> {
    let file = snapshots.current().filter(|file| file.hash() == *hash).ok_or(PageError::OtherSnapshot)?;
    let mut part = vec![0; PART_BYTES];
    let read = file.read_at(offset, &mut part)?;
    part.truncate(read);
    Ok(part)
}

/// What an observer is started from.
pub(crate) struct ObserverSeed<'a> {
    pub id: GroupId,
    pub me: NodeId,
    pub dir: &'a Path,
    pub machine: Box<dyn Machine>,
    pub transport: Arc<dyn Transport>,
    pub read: Duration,
    pub source: Arc<dyn Source>,
    pub on_fatal: Fatal,
}

/// A group as its observer sees it.
pub(crate) struct Observed {
    pub id: GroupId,
    pub me: NodeId,
    pub transport: Arc<dyn Transport>,
    pub read: Duration,
    pub snapshots: Arc<SnapshotStore>,
    pub applied: watch::Receiver<u64>,
    pub leadership: watch::Receiver<Leadership>,
    recent: Arc<Mutex<Recent>>,
    stop: CancellationToken,
    running: Mutex<Option<JoinHandle<()>>>,
}

/// What was heard last.
#[derive(Default)]
struct Recent {
    entries: VecDeque<FollowedEntry>,
    bytes: usize,
    heard: Option<Instant>,
}

impl Recent {
    fn heard(&mut self, entries: &[FollowedEntry]) {
        self.heard = Some(Instant::now());
        for entry in entries {
            self.bytes += size_of(entry);
            self.entries.push_back(entry.clone());
        }
        while self.bytes > TAIL_BYTES_MAX
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= size_of(&oldest);
        }
    }

    fn from(&self, from: u64) -> Option<Vec<FollowedEntry>> {
        let first = self.entries.front()?.position.index;
        let skip = usize::try_from(from.checked_sub(first)?).ok()?;
        let mut bytes = 0;
        let fits = |entry: &&FollowedEntry| {
            let fits = bytes < PAGE_BYTES_MAX;
            bytes += size_of(entry);
            fits
        };
        Some(self.entries.iter().skip(skip).take_while(fits).cloned().collect())
    }
}

fn size_of(entry: &FollowedEntry) -> usize {
    64 + entry.commands.iter().map(Bytes::len).sum::<usize>()
}

impl Observed {
    pub(crate) async fn start(seed: ObserverSeed<'_>) -> Result<Arc<Observed>, StartError> {
        std::fs::create_dir_all(seed.dir)?;
        gearify_storage::disk::write_durably(&seed.dir.join(MARK), b"")?;
        let snapshots = Arc::new(SnapshotStore::open(seed.dir.join("snapshots"))?);
        let worker = {
            let (mut machine, snapshots) = (seed.machine, Arc::clone(&snapshots));
            let prepare = move || {
                if let Some(file) = snapshots.interrupted_install()? {
                    apply::install(machine.as_mut(), &snapshots, &file)?;
                }
                let applied = machine.applied()?;
                Ok::<_, StartError>(Worker { machine, applied, snapshots })
            };
            tokio::task::spawn_blocking(prepare).await.map_err(io::Error::other)??
        };
        let progress = watch::Sender::new(worker.applied.index());
        let publish = watch::Sender::new(Leadership::default());
        let (recent, stop) = (Arc::<Mutex<Recent>>::default(), CancellationToken::new());
        let observed = Observed {
            id: seed.id,
            me: seed.me,
            transport: seed.transport,
            read: seed.read,
            snapshots,
            applied: progress.subscribe(),
            leadership: publish.subscribe(),
            recent: Arc::clone(&recent),
            stop: stop.clone(),
            running: Mutex::default(),
        };
        let following = Following { group: seed.id, source: seed.source, recent, progress, publish };
        let on_fatal = seed.on_fatal;
        let running = tokio::spawn(async move {
            tokio::select! {
                biased;
                ended = following.run(worker) => {
                    on_fatal(&format!("group {} can't be observed: {ended}", following.group));
                }
                () = stop.cancelled() => {}
            }
        });
        *observed.running.lock() = Some(running);
        Ok(Arc::new(observed))
    }

    pub(crate) fn is_cut_off(&self) -> bool {
        self.recent.lock().heard.is_none_or(|heard| heard.elapsed() > CUT_OFF_AFTER)
    }

    pub(crate) async fn page(&self, from: u64, wait: Duration) -> Result<Page, PageError> {
        let mut applied = self.applied.clone();
        let reached = timeout(wait, applied.wait_for(|applied| *applied >= from)).await.is_ok();
        if self.is_cut_off() {
            return Err(PageError::CutOff);
        }
        let Leadership { leader, term, .. } = *self.leadership.borrow();
        if !reached {
            return Ok(Page::Entries { entries: Vec::new(), leader, term });
        }
        let found = self.recent.lock().from(from).filter(|entries| !entries.is_empty());
        let entries = found.ok_or(PageError::Missing { from })?;
        Ok(Page::Entries { entries, leader, term })
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        let running = self.running.lock().take();
        if let Some(running) = running {
            let _ = timeout(Duration::from_secs(10), running).await;
        }
    }
}

/// A node that only observed a group has no vote in it that could be lost; once it votes, it has.
pub(crate) fn only_observed(dir: &Path, has_voted: bool) -> bool {
    let mark = dir.join(MARK);
    if has_voted {
        let _ = std::fs::remove_file(&mark);
    }
    !has_voted && mark.exists()
}

struct Worker {
    machine: Box<dyn Machine>,
    applied: Applied,
    snapshots: Arc<SnapshotStore>,
}

impl Worker {
    fn next(&self) -> u64 {
        self.applied.position.map_or(0, |last| last.index + 1)
    }

    fn apply(&mut self, entries: &[FollowedEntry]) -> io::Result<()> {
        let mut after = self.applied.clone();
        let mut committed = Vec::with_capacity(entries.len());
        for FollowedEntry { position, commands, membership } in entries {
            after.position = Some(*position);
            if membership.is_some() {
                after.membership.clone_from(membership);
            }
            committed.push(CommittedEntry { position: *position, commands: commands.clone() });
        }
        self.machine.apply(&committed, &after).map_err(io::Error::other)?;
        self.applied = after;
        Ok(())
    }

    fn install(&mut self, file: &SnapshotFile) -> io::Result<()> {
        let file = self.snapshots.adopt(file)?;
        apply::install(self.machine.as_mut(), &self.snapshots, &file)?;
        self.applied = file.applied().clone();
        Ok(())
    }
}

/// Runs blocking work on the worker, which goes there and comes back.
async fn with<T: Send + 'static>(
    mut worker: Worker,
    work: impl FnOnce(&mut Worker) -> io::Result<T> + Send + 'static,
) -> io::Result<(Worker, T)> {
    let done = tokio::task::spawn_blocking(move || work(&mut worker).map(|done| (worker, done)));
    done.await.map_err(|_| io::Error::other("the state machine panicked"))?
}

struct Following {
    group: GroupId,
    source: Arc<dyn Source>,
    recent: Arc<Mutex<Recent>>,
    progress: watch::Sender<u64>,
    publish: watch::Sender<Leadership>,
}

impl Following {
    /// Follows until the machine fails; what sources do wrong is tried again.
    async fn run(&self, mut worker: Worker) -> io::Error {
        loop {
            let next = worker.next();
            match self.source.page(self.group, next).await {
                Err(reason) => {
                    tracing::debug!(group = %self.group, reason, "no source of the group answers");
                    sleep(PAUSE).await;
                }
                Ok((node, Page::Entries { entries, leader, term })) => {
                    if !entries.iter().zip(next..).all(|(entry, index)| entry.position.index == index) {
                        tracing::warn!(group = %self.group, %node, "entries that do not follow were refused");
                        sleep(PAUSE).await;
                        continue;
                    }
                    let now = Leadership { leader, term, mine: false };
                    self.publish.send_if_modified(|before| std::mem::replace(before, now) != now);
                    let applied = with(worker, move |worker| worker.apply(&entries).map(|()| entries)).await;
                    let entries = match applied {
                        Ok((back, entries)) => {
                            worker = back;
                            entries
                        }
                        Err(error) => return error,
                    };
                    self.recent.lock().heard(&entries);
                    self.progress.send_replace(worker.applied.index());
                }
                Ok((node, Page::Snapshot(offer))) => match self.fetch(&worker.snapshots, node, offer).await {
                    Err(error) => {
                        tracing::warn!(group = %self.group, %node, %error, "the snapshot did not arrive yet");
                        sleep(PAUSE).await;
                    }
                    Ok(file) => match with(worker, move |worker| worker.install(&file)).await {
                        Ok((back, ())) => {
                            worker = back;
                            let index = worker.applied.index();
                            tracing::info!(group = %self.group, %node, index, "caught up by a snapshot");
                            *self.recent.lock() = Recent { heard: Some(Instant::now()), ..Recent::default() };
                            self.progress.send_replace(index);
                        }
                        Err(error) => return error,
                    },
                },
            }
        }
    }

    async fn fetch(
        &self,
        snapshots: &SnapshotStore,
        node: NodeId,
        offer: SnapshotOffer,
    ) -> io::Result<SnapshotFile> {
        let mut partial = snapshots.receive(&offer.hash, offer.bytes)?;
        while partial.received() < offer.bytes {
            let part = self.source.part(node, self.group, offer.hash, partial.received()).await;
            let part = part.map_err(io::Error::other)?;
            if part.is_empty() {
                return Err(io::Error::other("the snapshot is shorter than announced"));
            }
            partial = tokio::task::spawn_blocking(move || partial.write(&part).map(|()| partial))
                .await
                .map_err(io::Error::other)??;
        }
        tokio::task::spawn_blocking(move || partial.complete(&offer.hash)).await.map_err(io::Error::other)?
    }
}
