//! Snapshot files of one group: written, received, found again, and installed.
//!
//! A file is `[content][applied][footer]`; the footer holds both lengths and a BLAKE3 hash over
//! what stands before it, so a file can be written in one pass and checked in one pass. Names carry
//! the position. A file gets its name by rename after its bytes are on disk; only then may the log
//! be purged up to it, and only then is the one before it removed.
//!
//! One that is being received has a name made of its hash; broken off, it stays, so that the next attempt
//! goes on behind it. Only its hash decides whether it counts.
//!
//! Installing is not atomic in a machine's store. A marker naming the file is on disk before the
//! machine is touched and removed after it is done; found at start, the install is done again.

use crate::frames::{FrameError, FrameReader, FrameWriter};
use crate::machine::SnapshotSource;
use crate::position::{Applied, LogPosition};
use bytes::Bytes;
use gearify_storage::disk;
use gearify_storage::failpoint::{self, Failpoint};
use gearify_storage::planted::{self, Bug};
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const FOOTER_VERSION: u8 = 1;
const MAGIC: &[u8; 7] = b"GEARSNP";
/// version, magic, length of `applied`, length of the content, hash, CRC32C of the footer.
const FOOTER_BYTES: usize = 1 + 7 + 4 + 8 + 32 + 4;
const BUFFER_BYTES: usize = 256 << 10;
/// Free bytes that writing or receiving a snapshot leaves alone.
const LEAVE_BYTES: u64 = 8 << 20;
/// Bytes of a snapshot between two looks at the disk.
const LOOK_BYTES: u64 = 1 << 20;
const SUFFIX: &str = "snapshot";
const UNFINISHED: &str = "unfinished";
const DAMAGED: &str = "damaged";
const PARTIAL: &str = "partial";
const MARKER: &str = "installing";

/// A finished snapshot. Stays readable through this handle even after its file was replaced.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    file: Arc<File>,
    path: PathBuf,
    applied: Applied,
    content_bytes: u64,
    bytes: u64,
    hash: [u8; 32],
}

impl SnapshotFile {
    /// What the content covers.
    pub fn applied(&self) -> &Applied {
        &self.applied
    }

    /// Bytes of the whole file, as it is sent to another node.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads a part of the whole file; fewer bytes only at its end.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }

    /// What the machine wrote.
    pub fn content(&self) -> impl Read {
        BufReader::with_capacity(BUFFER_BYTES, self.part(self.content_bytes))
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        self.hash
    }

    fn part(&self, bytes: u64) -> FilePart {
        FilePart { file: Arc::clone(&self.file), at: 0, end: bytes }
    }

    /// Reads everything once and compares the hash.
    pub(crate) fn verify(&self) -> io::Result<()> {
        let mut hasher = blake3::Hasher::new();
        let mut part = self.part(self.bytes - FOOTER_BYTES as u64);
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match part.read(&mut buffer)? {
                0 => break,
                read => hasher.update(&buffer[..read]),
            };
        }
        if hasher.finalize().as_bytes() == &self.hash { Ok(()) } else { Err(self.damaged("hash")) }
    }

    /// Removes the file if it still has the name under which it was received.
    pub(crate) fn discard_partial(&self) {
        if self.path.extension().is_some_and(|extension| extension == PARTIAL) {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    fn damaged(&self, what: &str) -> io::Error {
        damaged(&self.path, what)
    }

    fn open(path: &Path) -> io::Result<SnapshotFile> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let end = bytes.checked_sub(FOOTER_BYTES as u64).ok_or_else(|| damaged(path, "length"))?;
        let mut footer = [0; FOOTER_BYTES];
        file.read_exact_at(&mut footer, end)?;
        let footer = Footer::decode(&footer).map_err(|_| damaged(path, "footer"))?;
        if footer.content_bytes + u64::from(footer.applied_bytes) != end {
            return Err(damaged(path, "length"));
        }
        let mut applied = vec![0; footer.applied_bytes as usize];
        file.read_exact_at(&mut applied, footer.content_bytes)?;
        let applied = Applied::decode(applied.into()).map_err(|_| damaged(path, "position"))?;
        Ok(SnapshotFile {
            file: Arc::new(file),
            path: path.to_owned(),
            applied,
            content_bytes: footer.content_bytes,
            bytes,
            hash: footer.hash,
        })
    }
}

fn damaged(path: &Path, what: &str) -> io::Error {
    let reason = format!("the snapshot {} is damaged ({what})", path.display());
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

struct FilePart {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for FilePart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min((self.end - self.at) as usize);
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

struct Footer {
    applied_bytes: u32,
    content_bytes: u64,
    hash: [u8; 32],
}

impl Footer {
    fn encode(&self) -> Bytes {
        let mut out = FrameWriter::new(FOOTER_VERSION);
        out.raw(MAGIC);
        out.u32(self.applied_bytes);
        out.u64(self.content_bytes);
        out.raw(&self.hash);
        let body = out.finish();
        let mut whole = body.to_vec();
        whole.extend_from_slice(&crc32c::crc32c(&body).to_be_bytes());
        whole.into()
    }

    fn decode(bytes: &[u8; FOOTER_BYTES]) -> Result<Footer, FrameError> {
        let (body, crc) = bytes.split_at(FOOTER_BYTES - 4);
        if crc32c::crc32c(body).to_be_bytes() != crc {
            return Err(FrameError::Contradiction);
        }
        let mut input = FrameReader::new(Bytes::copy_from_slice(body), FOOTER_VERSION)?;
        if input.take(MAGIC.len())?.as_ref() != MAGIC {
            return Err(FrameError::Contradiction);
        }
        let (applied_bytes, content_bytes) = (input.u32()?, input.u64()?);
        let hash = input.take(32)?.as_ref().try_into().map_err(|_| FrameError::Short)?;
        input.end()?;
        Ok(Footer { applied_bytes, content_bytes, hash })
    }
}

/// The directory of one group's snapshots.
#[derive(Debug)]
pub(crate) struct SnapshotStore {
    dir: PathBuf,
    current: Mutex<Option<SnapshotFile>>,
    unfinished: AtomicU64,
    /// Counts attempts to receive; only the newest may write.
    attempts: Arc<AtomicU64>,
    leave_bytes: u64,
}

impl SnapshotStore {
    /// Finds the newest intact snapshot and removes what a crash left half-written. Damaged files
    /// are set aside: whether they were needed is for the caller to see from what is left.
    pub(crate) fn open(dir: PathBuf) -> io::Result<SnapshotStore> {
        std::fs::create_dir_all(&dir)?;
        let mut newest: Option<SnapshotFile> = None;
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(UNFINISHED) => std::fs::remove_file(&path)?,
                Some(SUFFIX) => {
                    let Some(found) = open_intact(&path)? else { continue };
                    if newest.as_ref().is_none_or(|newest| is_newer(&found, newest)) {
                        newest = Some(found);
                    }
                }
                _ => {}
            }
        }
        Ok(SnapshotStore {
            dir,
            current: Mutex::new(newest),
            unfinished: AtomicU64::new(0),
            attempts: Arc::default(),
            leave_bytes: LEAVE_BYTES,
        })
    }

    pub(crate) fn current(&self) -> Option<SnapshotFile> {
        self.current.lock().clone()
    }

    pub(crate) fn position(&self) -> Option<LogPosition> {
        self.current.lock().as_ref().and_then(|file| file.applied.position)
    }

    /// Of the newest; 0 before the first.
    pub(crate) fn bytes(&self) -> u64 {
        self.current.lock().as_ref().map_or(0, |file| file.bytes)
    }

    /// The rule that makes a machine's store expendable.
    ///
    /// # Errors
    /// If no snapshot on disk covers `position`.
    pub(crate) fn require_cover(&self, position: &LogPosition) -> io::Result<()> {
        if self.position().is_some_and(|covered| covered >= *position) {
            return Ok(());
        }
        let reason = format!("the log may not be purged to {}: no snapshot covers it", position.index);
        Err(io::Error::other(reason))
    }

    /// Writes a machine's view to disk and makes it the current snapshot.
    pub(crate) fn write(
        &self,
        applied: Applied,
        source: Box<dyn SnapshotSource>,
    ) -> io::Result<SnapshotFile> {
        let path = self.unfinished_path();
        let result = write_file(&path, &applied, source, self.leave_bytes);
        if result.is_err() {
            let _ = std::fs::remove_file(&path);
        }
        result?;
        self.finish(&path, &applied)
    }

    /// Takes over a complete file, received into this directory or standing anywhere else.
    pub(crate) fn adopt(&self, file: &SnapshotFile) -> io::Result<SnapshotFile> {
        let named = self.dir.join(name_of(&file.applied));
        if file.path == named {
            return Ok(file.clone());
        }
        if file.path.parent() == Some(&self.dir) {
            return self.finish(&file.path, &file.applied);
        }
        let path = self.unfinished_path();
        let mut copy = File::create(&path)?;
        io::copy(&mut file.part(file.bytes), &mut copy)?;
        copy.sync_all()?;
        self.finish(&path, &file.applied)
    }

    /// A new name in this directory; what has it is removed at the next start.
    pub(crate) fn unfinished_path(&self) -> PathBuf {
        let number = self.unfinished.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!("{number}.{UNFINISHED}"))
    }

    /// Goes on receiving the snapshot with this hash; what there is of another one is removed.
    pub(crate) fn receive(&self, hash: &[u8; 32], bytes: u64) -> io::Result<Partial> {
        let attempt = self.attempts.fetch_add(1, Ordering::SeqCst) + 1;
        let path = self.dir.join(format!("{}.{PARTIAL}", blake3::Hash::from_bytes(*hash).to_hex()));
        for entry in std::fs::read_dir(&self.dir)? {
            let other = entry?.path();
            if other != path && other.extension().is_some_and(|extension| extension == PARTIAL) {
                std::fs::remove_file(&other)?;
            }
        }
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        let received = file.metadata()?.len();
        if received > bytes {
            file.set_len(0)?;
        }
        let received = if received > bytes { 0 } else { received };
        let room = Room { beside: path.clone(), leave_bytes: self.leave_bytes, until_look: 0 };
        Ok(Partial { path, file, bytes, received, attempt, attempts: Arc::clone(&self.attempts), room })
    }

    fn finish(&self, path: &Path, applied: &Applied) -> io::Result<SnapshotFile> {
        let named = self.dir.join(name_of(applied));
        // Held until old files are gone, so that two finishing at once leave the newer.
        let mut current = self.current.lock();
        failpoint::reach(Failpoint::SnapshotUnnamed);
        std::fs::rename(path, &named)?;
        sync_dir(&self.dir)?;
        failpoint::reach(Failpoint::SnapshotNamed);
        let file = SnapshotFile::open(&named)?;
        #[cfg(debug_assertions)]
        if planted::is(Bug::SnapshotNotSynced) {
            planted::leave_unsynced(&named);
        }
        match current.as_ref() {
            Some(newer) if is_newer(newer, &file) => std::fs::remove_file(&named)?,
            Some(older) if older.path != named => {
                std::fs::remove_file(&older.path)?;
                *current = Some(file.clone());
            }
            _ => *current = Some(file.clone()),
        }
        Ok(file)
    }

    /// Marks that the machine is about to be replaced by `file`.
    pub(crate) fn begin_install(&self, file: &SnapshotFile) -> io::Result<()> {
        let name = file.path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| io::Error::other("a snapshot without a name"))?;
        let path = self.unfinished_path();
        let mut marker = File::create(&path)?;
        marker.write_all(name.as_bytes())?;
        marker.sync_all()?;
        std::fs::rename(&path, self.dir.join(MARKER))?;
        sync_dir(&self.dir)
    }

    pub(crate) fn end_install(&self) -> io::Result<()> {
        std::fs::remove_file(self.dir.join(MARKER))?;
        sync_dir(&self.dir)
    }

    /// The snapshot whose install was interrupted. A newer one serves as well: either covers all
    /// that was purged.
    pub(crate) fn interrupted_install(&self) -> io::Result<Option<SnapshotFile>> {
        let name = match std::fs::read_to_string(self.dir.join(MARKER)) {
            Ok(name) => name,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match self.current() {
            Some(file) => Ok(Some(file)),
            None => Err(damaged(&self.dir.join(name), "missing")),
        }
    }
}

/// A snapshot of which not everything is here yet.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    file: File,
    bytes: u64,
    received: u64,
    attempt: u64,
    attempts: Arc<AtomicU64>,
    room: Room,
}

impl Partial {
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.require_newest()?;
        if self.received + bytes.len() as u64 > self.bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a snapshot longer than announced"));
        }
        self.room.take(bytes.len() as u64)?;
        self.file.write_all_at(bytes, self.received)?;
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Everything is on disk and has the hash announced, or the file is removed.
    pub(crate) fn complete(self, hash: &[u8; 32]) -> io::Result<SnapshotFile> {
        self.require_newest()?;
        if self.received < self.bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a snapshot shorter than announced"));
        }
        self.file.sync_all()?;
        let opened = SnapshotFile::open(&self.path).and_then(|file| match file.hash == *hash {
            true => file.verify().map(|()| file),
            false => Err(file.damaged("announcement")),
        });
        if opened.is_err() {
            let _ = std::fs::remove_file(&self.path);
        }
        opened
    }

    fn require_newest(&self) -> io::Result<()> {
        if self.attempts.load(Ordering::SeqCst) == self.attempt {
            return Ok(());
        }
        Err(io::Error::other("a newer attempt to send a snapshot has begun"))
    }
}

fn open_intact(path: &Path) -> io::Result<Option<SnapshotFile>> {
    let opened = SnapshotFile::open(path).and_then(|file| file.verify().map(|()| file));
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            tracing::error!(%error, "a damaged snapshot is set aside");
            std::fs::rename(path, path.with_extension(DAMAGED))?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn is_newer(one: &SnapshotFile, other: &SnapshotFile) -> bool {
    one.applied.position > other.applied.position
}

fn name_of(applied: &Applied) -> String {
    match applied.position {
        None => format!("empty.{SUFFIX}"),
        Some(at) => format!("{:020}-{}-{}.{SUFFIX}", at.index, at.term, at.leader),
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn write_file(
    path: &Path,
    applied: &Applied,
    source: Box<dyn SnapshotSource>,
    leave_bytes: u64,
) -> io::Result<()> {
    let mut out = HashingWriter {
        inner: BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?),
        hasher: blake3::Hasher::new(),
        bytes: 0,
        room: Room { beside: path.to_owned(), leave_bytes, until_look: 0 },
    };
    source.write_to(&mut out).map_err(io::Error::other)?;
    let content_bytes = out.bytes;
    let applied = applied.encode();
    out.write_all(&applied)?;
    let footer = Footer {
        applied_bytes: applied.len() as u32,
        content_bytes,
        hash: *out.hasher.finalize().as_bytes(),
    };
    out.inner.write_all(&footer.encode())?;
    let file = out.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
    if planted::is(Bug::SnapshotNotSynced) {
        return Ok(());
    }
    file.sync_all()
}

struct HashingWriter {
    inner: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
    room: Room,
}

/// Keeps a snapshot, which can be made later, from taking the room that the log needs now.
#[derive(Debug)]
struct Room {
    beside: PathBuf,
    leave_bytes: u64,
    until_look: u64,
}

impl Room {
    fn take(&mut self, bytes: u64) -> io::Result<()> {
        if let Some(left) = self.until_look.checked_sub(bytes) {
            self.until_look = left;
            return Ok(());
        }
        self.until_look = LOOK_BYTES;
        let free = disk::free_bytes(self.beside.parent().unwrap_or(&self.beside))?;
        if free >= self.leave_bytes.saturating_add(bytes + LOOK_BYTES) {
            return Ok(());
        }
        let reason = format!("{free} free bytes are too few for a snapshot beside the log");
        Err(io::Error::new(io::ErrorKind::StorageFull, reason))
    }
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room.take(bytes.len() as u64)?;
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
