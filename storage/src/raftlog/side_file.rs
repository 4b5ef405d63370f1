//! The number of the last confirmed commit, in a small file beside the database.
//!
//! SQLite silently drops the end of a WAL that does not check out, and a deleted database opens as
//! an empty one. Both show as a database behind this number.
//!
//! Two slots are written in turn, each with its own checksum, so that a torn write leaves the
//! previous number readable. A number is written only after its commit is on disk: the file may lag
//! behind the database, never lead it. Without a sync of its own the number survives the end of the
//! process but may be lost in a power cut together with a lying disk's commits.

use super::{Damage, RaftLogError};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const NAME: &str = "raftlog.commit";
const MAGIC: &[u8; 4] = b"GRC1";
/// magic, database id, commit number, CRC32C.
const RECORD_BYTES: usize = 4 + 16 + 8 + 4;
/// Slots stand in sectors of their own, so that one write can't tear both.
const SLOT_BYTES: u64 = 4096;

pub(super) type DatabaseId = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Confirmed {
    pub database: DatabaseId,
    pub commit: u64,
}

pub(super) struct SideFile {
    file: File,
}

impl SideFile {
    /// Opens the file, creating it empty, and holds its lock: one process per log.
    pub(super) fn open(dir: &Path) -> Result<SideFile, RaftLogError> {
        let path = dir.join(NAME);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(RaftLogError::InUse { dir: dir.display().to_string() });
            }
            Err(error) => return Err(RaftLogError::Io(error.into())),
        }
        File::open(dir)?.sync_all()?;
        Ok(SideFile { file })
    }

    /// The newest readable number; `None` if the file was just created.
    pub(super) fn read(&self) -> Result<Option<Confirmed>, RaftLogError> {
        if self.file.metadata()?.len() == 0 {
            return Ok(None);
        }
        let slots = [self.read_slot(0)?, self.read_slot(1)?];
        match slots.into_iter().flatten().max_by_key(|confirmed| confirmed.commit) {
            Some(confirmed) => Ok(Some(confirmed)),
            None => Err(Damage::CommitNumberMissing.into()),
        }
    }

    fn read_slot(&self, slot: u64) -> Result<Option<Confirmed>, RaftLogError> {
        let mut record = [0; RECORD_BYTES];
        match self.file.read_exact_at(&mut record, slot * SLOT_BYTES) {
            Ok(()) => Ok(decode(&record)),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn write(&mut self, confirmed: Confirmed, sync: bool) -> std::io::Result<()> {
        let slot = confirmed.commit % 2;
        self.file.write_all_at(&encode(confirmed), slot * SLOT_BYTES)?;
        if sync { self.file.sync_data() } else { Ok(()) }
    }
}

fn encode(confirmed: Confirmed) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..4].copy_from_slice(MAGIC);
    record[4..20].copy_from_slice(&confirmed.database);
    record[20..28].copy_from_slice(&confirmed.commit.to_be_bytes());
    let crc = crc32c::crc32c(&record[..28]);
    record[28..].copy_from_slice(&crc.to_be_bytes());
    record
}

fn decode(record: &[u8; RECORD_BYTES]) -> Option<Confirmed> {
    let (body, crc) = record.split_at(28);
    let intact = &body[..4] == MAGIC && crc32c::crc32c(body).to_be_bytes() == crc;
    intact.then(|| Confirmed {
        database: body[4..20].try_into().expect("sixteen bytes"),
        commit: u64::from_be_bytes(body[20..28].try_into().expect("eight bytes")),
    })
}
