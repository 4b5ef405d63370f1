//! A group's state in a snapshot, and a group's state from one.
//!
//! Content: a head with the applied row and the closed files of the event history by hash; every replicated
//! row and every outbox row; then the newest part of the history, as much as the open event file held. A
//! receiver whose own history ends before that part fetches the closed files that come next, and asks its
//! peers for the events themselves where nobody has such a file or it does not fit what is here already.
//! Replication guards the bytes by checksums; here only the shape is checked.

use crate::state::{AppliedRow, GroupKey, GroupState, LOCAL, Rows, is_outbox_key};
use bytes::Bytes;
use gearify_commerce::{StateVersion, version};
use gearify_replication::{Applied, MachineError, SnapshotSource};
use gearify_storage::failpoint::{self, Failpoint};
use gearify_storage::frozen::Sweep;
use gearify_storage::planted::{self, Bug};
use gearify_storage::{
    Batch, ContentHash, Engine, EventPosition, EventReader, EventRow, EventStore, EventStoreError, Record,
    StorageError, decode, encode_at,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Memory for rows that change while a snapshot is written, before it has come to them. Beyond it the
/// machine waits for the snapshot to get on.
pub(crate) const FROZEN_BYTES_MAX: usize = 64 << 20;
/// Rows of one batch of an installation.
const INSTALL_ROWS: usize = 1_000;
/// Events read and appended at once.
const EVENT_ROWS: usize = 1_000;
/// No key or value is longer; a longer one is damage, not a reason to allocate it.
const PART_BYTES_MAX: u32 = 16 << 20;
const END: u32 = u32::MAX;
/// How long the open file of the history is waited for. Whoever reads it holds it for one page of events.
const BOUNDARY_WAIT: Duration = Duration::from_secs(2);
const BOUNDARY_PAUSE: Duration = Duration::from_millis(2);

/// Where a node gets history that its own store lacks.
pub trait HistoryPeers: Send + Sync {
    /// Events of a group at or after `from`, at most `limit`, from any node whose history is complete up to
    /// and with entry `through`.
    fn read(
        &self,
        group: GroupKey,
        from: EventPosition,
        through: u64,
        limit: usize,
    ) -> Result<Vec<EventRow>, String>;

    /// A part of the closed file of a group's history with this hash, from any node that has it; empty at its
    /// end.
    fn file_part(&self, _group: GroupKey, _hash: ContentHash, _offset: u64) -> Result<Vec<u8>, String> {
        Err("nobody has that file".into())
    }
}

/// Bytes of a file of the history that go at once.
const FILE_PART_BYTES: usize = 1 << 20;

/// What [`HistoryPeers::file_part`] answers on the node that has the file.
pub fn read_file_part(history: &EventReader, hash: ContentHash, offset: u64) -> Result<Vec<u8>, String> {
    use std::os::unix::fs::FileExt;
    let files = history.files();
    let file = files.iter().find(|file| file.hash == Some(hash)).ok_or("no such file here")?;
    let opened = std::fs::File::open(&file.path).map_err(|error| error.to_string())?;
    let mut part = vec![0; FILE_PART_BYTES];
    let mut filled = 0;
    while filled < part.len() {
        let read = opened.read_at(&mut part[filled..], offset + filled as u64);
        match read.map_err(|error| error.to_string())? {
            0 => break,
            read => filled += read,
        }
    }
    part.truncate(filled);
    Ok(part)
}

/// For a node without peers.
pub struct NoPeers;

impl HistoryPeers for NoPeers {
    fn read(&self, _: GroupKey, from: EventPosition, _: u64, _: usize) -> Result<Vec<EventRow>, String> {
        Err(format!("the history from {from} on is missing, and there is no other node to ask"))
    }
}

/// What a machine needs besides its state for snapshots.
#[derive(Clone)]
pub struct History {
    pub store: Arc<Mutex<EventStore>>,
    pub peers: Arc<dyn HistoryPeers>,
}

#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("the snapshot of {group} ends early or is damaged: {what}")]
    Damaged { group: &'static str, what: String },
    #[error("the event history of {group} can't be completed: {what}")]
    History { group: &'static str, what: String },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Events(#[from] EventStoreError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[derive(Serialize, Deserialize)]
struct Head {
    applied: AppliedRow,
    /// First log index whose events come with the snapshot.
    history_from: u64,
    /// Last log index whose events come with it; later ones are among the outbox rows.
    history_through: u64,
    /// Closed files of the history before that, in order.
    files: Vec<ClosedFile>,
}

/// The name of a file that other nodes may have.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ClosedFile {
    first: u64,
    through: u64,
    hash: ContentHash,
}

/// Without the files.
#[derive(Serialize, Deserialize)]
struct HeadV1 {
    applied: AppliedRow,
    history_from: u64,
    history_through: u64,
}
gearify_storage::first_version!(HeadV1);

impl From<HeadV1> for Head {
    fn from(HeadV1 { applied, history_from, history_through }: HeadV1) -> Head {
        Head { applied, history_from, history_through, files: Vec::new() }
    }
}

impl Record for Head {
    const VERSION: u8 = 2;
    const SINCE: u32 = version::ROSTER;
    type Previous = HeadV1;

    /// Whoever reads it asks for the events one by one.
    fn to_previous(&self) -> Option<HeadV1> {
        let Head { applied, history_from, history_through, .. } = self;
        let (applied, history_from, history_through) = (applied.clone(), *history_from, *history_through);
        Some(HeadV1 { applied, history_from, history_through })
    }
}

/// Freezes the present state. Called between two applies, so the outbox ends at the applied entry.
pub fn take(
    state: &GroupState,
    applied: AppliedRow,
    history: &History,
) -> Result<Box<dyn SnapshotSource>, MachineError> {
    let rows = state.engine().sweep(FROZEN_BYTES_MAX);
    // After freezing: rows the mover has cleared from the outbox by now are covered by the store.
    let store = history.store.lock();
    let history_through = store.position();
    let files = store.files();
    let history_from = files.last().map_or(1, |file| file.first);
    let closed = files
        .iter()
        .filter_map(|file| Some(ClosedFile { first: file.first, through: file.through, hash: file.hash? }));
    let head = Head { applied, history_from, history_through, files: closed.collect() };
    let version = version::of(&*state.engine());
    Ok(Box::new(Frozen { rows, head, version, events: store.reader() }))
}

/// A state without any history: whoever takes it completes that from elsewhere, up to and with the state's
/// last entry. `events` must be of the same group, and is not read.
pub fn without_history(
    rows: Sweep<Rows>,
    applied: AppliedRow,
    events: EventReader,
) -> Box<dyn SnapshotSource> {
    let (history_from, history_through) = (applied.index + 1, applied.index);
    let head = Head { applied, history_from, history_through, files: Vec::new() };
    // Without files, the first shape of a head says everything.
    Box::new(Frozen { rows, head, version: version::FIRST, events })
}

struct Frozen {
    rows: Sweep<Rows>,
    head: Head,
    /// Of the rules that the state follows: all who do can read the head.
    version: StateVersion,
    events: EventReader,
}

impl SnapshotSource for Frozen {
    fn write_to(mut self: Box<Self>, out: &mut dyn Write) -> Result<(), MachineError> {
        self.write(out).map_err(MachineError::new)
    }
}

impl Frozen {
    fn write(&mut self, out: &mut dyn Write) -> Result<(), SnapshotError> {
        write_part(out, &encode_at(&self.head, self.version))?;
        loop {
            let rows = self.rows.next(INSTALL_ROWS)?;
            for (key, value) in &rows {
                let waits = is_outbox_key(key) && !planted::is(Bug::SnapshotWithoutOutbox);
                if key.first() != Some(&LOCAL) || waits {
                    write_part(out, key)?;
                    write_part(out, value)?;
                }
            }
            if rows.is_empty() {
                break;
            }
        }
        write_end(out)?;
        let mut from = EventPosition::new(self.head.history_from, 0);
        loop {
            let rows = self.events.read(from, EVENT_ROWS)?;
            for row in rows.iter().filter(|row| row.position.index <= self.head.history_through) {
                write_part(out, &postcard_row(row))?;
            }
            match rows.last() {
                Some(last) if last.position.index <= self.head.history_through => from = last.position.next(),
                _ => break,
            }
        }
        Ok(write_end(out)?)
    }
}

/// Puts a snapshot in the place of the group's state, and completes the event history up to it.
pub fn install(
    state: &GroupState,
    after: &Applied,
    content: &mut dyn Read,
    history: &History,
) -> Result<AppliedRow, MachineError> {
    Installation { state, history, group: state.name() }.run(after, content).map_err(MachineError::new)
}

struct Installation<'a> {
    state: &'a GroupState,
    history: &'a History,
    group: &'static str,
}

impl Installation<'_> {
    fn run(&self, after: &Applied, content: &mut dyn Read) -> Result<AppliedRow, SnapshotError> {
        let head = self.part(content)?.ok_or_else(|| self.damaged("it has no head"))?;
        let head: Head = decode(&head).map_err(|error| self.damaged(error))?;
        if head.applied.index != after.index() {
            return Err(self.damaged(format!(
                "it is of entry {}, not of {}",
                head.applied.index,
                after.index()
            )));
        }
        let applied = AppliedRow { account: after.encode().to_vec(), ..head.applied.clone() };
        let mut failure = None;
        let filled = self.state.replace(&applied, |engine| match self.fill(engine, content, &head) {
            Ok(()) => Ok(()),
            Err(SnapshotError::Storage(error)) => Err(error),
            Err(other) => {
                let error = StorageError::Damaged(other.to_string());
                failure = Some(other);
                Err(error)
            }
        });
        match (failure, filled) {
            (Some(failure), _) => Err(failure),
            (None, filled) => Ok(filled.map(|()| applied)?),
        }
    }

    /// Everything but the switch: when this is done, rows and history are both there.
    fn fill(&self, engine: &dyn Engine, content: &mut dyn Read, head: &Head) -> Result<(), SnapshotError> {
        let mut batch = Batch::new();
        while let Some(key) = self.part(content)? {
            let value = self.part(content)?.ok_or_else(|| self.damaged("a row has no value"))?;
            batch.put(key, value);
            if batch.len() >= INSTALL_ROWS {
                engine.commit(std::mem::take(&mut batch))?;
            }
        }
        engine.commit(batch)?;
        failpoint::reach(Failpoint::InstallRows);
        self.fetch_older_history(head)?;
        let mut rows: Vec<EventRow> = Vec::new();
        while let Some(row) = self.part(content)? {
            let row = row_from_postcard(&row).map_err(|error| self.damaged(error))?;
            // Whole entries only: the store counts an entry as done.
            let is_full = rows.len() >= EVENT_ROWS
                && rows.last().is_some_and(|last| last.position.index < row.position.index);
            if is_full {
                self.append(&std::mem::take(&mut rows), row.position.index - 1)?;
            }
            rows.push(row);
        }
        self.append(&rows, head.history_through)?;
        failpoint::reach(Failpoint::InstallFilled);
        Ok(())
    }

    fn fetch_older_history(&self, head: &Head) -> Result<(), SnapshotError> {
        loop {
            let have = self.history.store.lock().position();
            if have + 1 >= head.history_from {
                return Ok(());
            }
            if let Some(file) = head.files.iter().find(|file| file.first == have + 1)
                && self.fetch_file(file)?
            {
                continue;
            }
            // To the end of the file that this history broke off in: those after it come whole.
            let broken_off = head.files.iter().find(|file| (file.first..=file.through).contains(&(have + 1)));
            let end = broken_off.map_or(head.history_from - 1, |file| file.through);
            let (rows, through) = self.ask_for_whole_entries(have + 1, end)?;
            self.append(&rows, through)?;
            if broken_off.is_some() && through == end {
                // Files that end alike on all nodes can be taken over later.
                self.history.store.lock().close_open_file()?;
            }
        }
    }

    /// Some events of entries from `first` to `end`, and the last entry that they are all of.
    fn ask_for_whole_entries(&self, first: u64, end: u64) -> Result<(Vec<EventRow>, u64), SnapshotError> {
        let mut rows: Vec<EventRow> = Vec::new();
        loop {
            let from = rows.last().map_or(EventPosition::new(first, 0), |row| row.position.next());
            let read = self.history.peers.read(self.state.key(), from, end, EVENT_ROWS);
            let page = read.map_err(|what| SnapshotError::History { group: self.group, what })?;
            let is_all = page.len() < EVENT_ROWS;
            rows.extend(page);
            let last = rows.last().map_or(0, |row| row.position.index);
            // The last entry may go on; one alone can have more events than are read at once.
            let through = if is_all { end } else { (last - 1).min(end) };
            if through >= first {
                rows.retain(|row| row.position.index <= through);
                return Ok((rows, through));
            }
        }
    }

    /// Takes a closed file over as it is; `false` where the events have to be asked for one by one.
    fn fetch_file(&self, file: &ClosedFile) -> Result<bool, SnapshotError> {
        if !self.is_at_a_boundary(file.first)? {
            return Ok(false);
        }
        let mut store = self.history.store.lock();
        // In the directory of the group's state: leftovers there are removed at the next start.
        let fetched = self.state.dir().join(format!("history-{:020}.part", file.first));
        let taken = self
            .fetch_into(&fetched, file)
            .and_then(|()| store.adopt(&fetched, file.hash).map_err(|error| error.to_string()));
        let _ = std::fs::remove_file(&fetched);
        match taken {
            Ok(()) => {
                tracing::info!(group = self.group, through = file.through, "a file of the history is here")
            }
            Err(reason) => {
                tracing::info!(
                    group = self.group,
                    reason,
                    "a file of the history is asked for event by event"
                );
            }
        }
        Ok(store.position() >= file.through)
    }

    /// Whether a file that begins at `first` can be put behind what is here. Whoever reads the open file keeps it
    /// from being closed, for a moment.
    fn is_at_a_boundary(&self, first: u64) -> Result<bool, SnapshotError> {
        let until = Instant::now() + BOUNDARY_WAIT;
        loop {
            {
                let mut store = self.history.store.lock();
                if store.files().last().is_none_or(|open| open.first == first) {
                    return Ok(true);
                }
                store.close_open_file()?;
                if store.files().last().is_none_or(|open| open.first == first) {
                    return Ok(true);
                }
            }
            if Instant::now() > until {
                return Ok(false);
            }
            std::thread::sleep(BOUNDARY_PAUSE);
        }
    }

    fn fetch_into(&self, path: &Path, file: &ClosedFile) -> Result<(), String> {
        let mut out = std::fs::File::create(path).map_err(|error| error.to_string())?;
        let mut offset = 0;
        loop {
            let part = self.history.peers.file_part(self.state.key(), file.hash, offset)?;
            if part.is_empty() {
                return Ok(());
            }
            offset += part.len() as u64;
            out.write_all(&part).map_err(|error| error.to_string())?;
        }
    }

    fn append(&self, rows: &[EventRow], through: u64) -> Result<(), SnapshotError> {
        Ok(self.history.store.lock().append(rows, through)?)
    }

    fn part(&self, content: &mut dyn Read) -> Result<Option<Vec<u8>>, SnapshotError> {
        let mut length = [0; 4];
        content.read_exact(&mut length).map_err(|error| self.damaged(error))?;
        let length = u32::from_be_bytes(length);
        if length == END {
            return Ok(None);
        }
        if length > PART_BYTES_MAX {
            return Err(self.damaged(format!("a part of {length} bytes")));
        }
        let mut part = vec![0; length as usize];
        content.read_exact(&mut part).map_err(|error| self.damaged(error))?;
        Ok(Some(part))
    }

    fn damaged(&self, what: impl ToString) -> SnapshotError {
        SnapshotError::Damaged { group: self.group, what: what.to_string() }
    }
}

fn write_part(out: &mut dyn Write, part: &[u8]) -> io::Result<()> {
    out.write_all(&(part.len() as u32).to_be_bytes())?;
    out.write_all(part)
}

fn write_end(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&END.to_be_bytes())
}

type PlainRow = (u64, u32, Vec<u8>, u64, Vec<u8>);

fn postcard_row(row: &EventRow) -> Vec<u8> {
    let plain: PlainRow =
        (row.position.index, row.position.n, row.stream.to_vec(), row.seq, row.body.to_vec());
    postcard::to_allocvec(&plain).expect("numbers and bytes can be written")
}

fn row_from_postcard(bytes: &[u8]) -> Result<EventRow, postcard::Error> {
    let (index, n, stream, seq, body): PlainRow = postcard::from_bytes(bytes)?;
    Ok(EventRow {
        position: EventPosition::new(index, n),
        stream: Bytes::from(stream),
        seq,
        body: Bytes::from(body),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gearify_commerce::version::FIRST;
    use gearify_commerce::{GroupKind, Timestamp, command};
    use gearify_replication::{LogPosition, NodeId};
    use gearify_storage::{SledOptions, Tx};

    struct Peer(EventReader);

    impl HistoryPeers for Peer {
        fn read(
            &self,
            _: GroupKey,
            from: EventPosition,
            _: u64,
            limit: usize,
        ) -> Result<Vec<EventRow>, String> {
            self.0.read(from, limit).map_err(|error| error.to_string())
        }
    }

    #[test]
    fn a_head_is_in_the_shape_that_every_node_of_the_group_can_read() {
        let dir = tempfile::tempdir().unwrap();
        let options = SledOptions { cache_bytes: 1 << 20 };
        let state = GroupState::open(GroupKind::Region, &dir.path().join("state"), options).unwrap().0;
        let mut store = EventStore::open_with(&dir.path().join("events"), 1 << 30).unwrap();
        let position = EventPosition::new(1, 0);
        let row = EventRow { position, stream: Bytes::from_static(b"sales"), seq: 1, body: Bytes::new() };
        store.append(&[row], 1).unwrap();
        store.close_open_file().unwrap();
        let history = History { store: Arc::new(Mutex::new(store)), peers: Arc::new(NoPeers) };
        let head_at = |follows: StateVersion| {
            let engine = state.engine();
            let mut tx = Tx::at_version(&*engine, FIRST);
            let raise = version::raise(GroupKind::Region, follows, Timestamp::from_millis(1));
            command::apply(&mut tx, &raise, &mut Vec::new());
            let (batch, applied) =
                (tx.into_batch().unwrap(), AppliedRow { index: 1, ..AppliedRow::default() });
            state.commit(batch, [], &applied).unwrap();
            let mut content = Vec::new();
            take(&state, applied, &history).unwrap().write_to(&mut content).unwrap();
            let installation = Installation { state: &state, history: &history, group: "region-0" };
            installation.part(&mut &content[..]).unwrap().expect("a head")
        };
        let before = head_at(version::ROSTER - 1);
        let HeadV1 { applied, history_from, history_through } =
            decode(&before).expect("programs before read it");
        assert_eq!((applied.index, history_from, history_through), (1, 2, 1));
        assert_eq!(decode::<Head>(&before).unwrap().files.len(), 0);
        let after: Head = decode(&head_at(version::ROSTER)).unwrap();
        assert_eq!((after.files.len(), after.files[0].first, after.files[0].through), (1, 1, 1));
    }

    #[test]
    fn an_entry_of_any_number_of_events_comes_page_by_page() {
        let dir = tempfile::tempdir().unwrap();
        let events = [3, 2 * EVENT_ROWS as u32 + 500, EVENT_ROWS as u32, 0, 1];
        let counts = (1..).zip(events).flat_map(|(index, count)| (0..count).map(move |n| (index, n)));
        let rows: Vec<EventRow> = (1..)
            .zip(counts)
            .map(|(seq, (index, n))| EventRow {
                position: EventPosition::new(index, n),
                stream: Bytes::from_static(b"sales"),
                seq,
                body: Bytes::from(vec![n as u8; 9]),
            })
            .collect();
        let open = |name: &str| {
            let options = SledOptions { cache_bytes: 1 << 20 };
            GroupState::open(GroupKind::Region, &dir.path().join(name), options).unwrap().0
        };
        let (old, new) = (open("old"), open("new"));
        let mut told = EventStore::open_with(&dir.path().join("told"), 1 << 30).unwrap();
        told.append(&rows, 5).unwrap();
        let applied = AppliedRow { index: 5, ..AppliedRow::default() };
        old.commit(Batch::new(), [], &applied).unwrap();

        let mut content = Vec::new();
        let source = without_history(old.engine().sweep(1 << 20), applied, told.reader());
        source.write_to(&mut content).unwrap();
        let store = EventStore::open_with(&dir.path().join("taken"), 1 << 30).unwrap();
        let history = History { store: Arc::new(Mutex::new(store)), peers: Arc::new(Peer(told.reader())) };
        let position = Some(LogPosition { term: 1, leader: NodeId(1), index: 5 });
        install(&new, &Applied { position, membership: None }, &mut &content[..], &history).unwrap();
        let taken = history.store.lock();
        assert_eq!(taken.position(), 5);
        assert!(taken.reader().read(EventPosition::new(1, 0), rows.len() + 1).unwrap() == rows);
    }
}
