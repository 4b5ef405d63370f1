//! Snapshot files: a header and rows, whole or not there at all.
//!
//! Format, integers little-endian:
//! `"GEARSNAP" · version u32 · header length u32 · header · rows · end u32 = 2³²−1 · row count u64 · blake3`,
//! a row being `key length u32 · value length u32 · key · value`. The hash covers everything before it.
//!
//! A file is written beside its place, synced and renamed; a reader checks the hash of the whole file
//! before it gives out the header or a row, so that nothing is ever installed from a damaged one.

use crate::disk;
use crate::hash::ContentHash;
use crate::table::{Reader, Row, StorageError};
use bytes::Bytes;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"GEARSNAP";
const VERSION: u32 = 1;
const END: u32 = u32::MAX;
const HASH_BYTES: u64 = 32;
/// `END`, row count and hash.
const TAIL_BYTES: u64 = 4 + 8 + HASH_BYTES;
const BUFFER_BYTES: usize = 256 * 1024;

/// Longest header, key or value, in bytes: what a reader may have to hold at once.
pub const PART_BYTES_MAX: usize = 64 << 20;

/// Rows read from an engine at a time while a snapshot is written.
const CHUNK_ROWS: usize = 512;

/// Why a snapshot could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("{file} is damaged: {what}")]
    Damaged { file: String, what: &'static str },
    #[error("{file} has format {found}, this program reads {VERSION}")]
    OtherFormat { file: String, found: u32 },
    #[error("a part of {bytes} bytes is over the limit of {PART_BYTES_MAX}")]
    TooLarge { bytes: usize },
    #[error("input or output failed: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A finished file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// The hash at the end of the file, over everything before it.
    pub hash: ContentHash,
}

/// Writes a snapshot. Dropped unfinished, it leaves nothing.
pub struct SnapshotWriter {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    rows: u64,
    bytes: u64,
}

impl SnapshotWriter {
    /// Begins a file that will stand at `path` once finished; whatever stands there stays until then.
    ///
    /// # Errors
    /// [`SnapshotError::TooLarge`] for a header over [`PART_BYTES_MAX`].
    pub fn create(path: &Path, header: &[u8]) -> Result<SnapshotWriter, SnapshotError> {
        let header_length = part_length(header)?;
        let temporary = disk::temporary_beside(path)?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, File::create_new(&temporary)?);
        let hasher = blake3::Hasher::new();
        let mut writer =
            SnapshotWriter { path: path.to_path_buf(), temporary, file, hasher, rows: 0, bytes: 0 };
        writer.write(MAGIC)?;
        writer.write(&VERSION.to_le_bytes())?;
        writer.write(&header_length)?;
        writer.write(header)?;
        Ok(writer)
    }

    /// Adds a row. The order is the caller's; a reader gives rows back in it.
    ///
    /// # Errors
    /// [`SnapshotError::TooLarge`] for a key or value over [`PART_BYTES_MAX`].
    pub fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), SnapshotError> {
        let (key_length, value_length) = (part_length(key)?, part_length(value)?);
        self.write(&key_length)?;
        self.write(&value_length)?;
        self.write(key)?;
        self.write(value)?;
        self.rows += 1;
        Ok(())
    }

    /// Adds every row of `reader` with `from <= key < until` in key order; an empty `until` means "no
    /// end". Returns how many.
    pub fn rows_of(&mut self, reader: &dyn Reader, from: &[u8], until: &[u8]) -> Result<u64, SnapshotError> {
        let before = self.rows;
        let mut from = from.to_vec();
        loop {
            let rows = reader.scan(&from, until, CHUNK_ROWS)?;
            for (key, value) in &rows {
                self.row(key, value)?;
            }
            match rows.last() {
                Some((key, _)) if rows.len() == CHUNK_ROWS => from = [key, &[0][..]].concat(),
                _ => return Ok(self.rows - before),
            }
        }
    }

    /// Ends the file; when this returns, it stands at its path and survives a power cut.
    pub fn finish(mut self) -> Result<SnapshotInfo, SnapshotError> {
        self.write(&END.to_le_bytes())?;
        self.write(&self.rows.to_le_bytes())?;
        let hash = ContentHash::from(self.hasher.finalize());
        self.file.write_all(hash.as_bytes())?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        disk::sync_dir(disk::parent(&self.path)?)?;
        Ok(SnapshotInfo { rows: self.rows, bytes: self.bytes + HASH_BYTES, hash })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        // After `finish` the name is gone already; anywhere else the suffix marks what is left.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Reads a snapshot that has proved to be whole.
#[derive(Debug)]
pub struct SnapshotReader {
    path: PathBuf,
    file: BufReader<File>,
    header: Bytes,
    info: SnapshotInfo,
    given: u64,
}

impl SnapshotReader {
    /// Opens the file and reads all of it once to check its hash.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] if a bit changed or bytes are missing or left over;
    /// [`SnapshotError::OtherFormat`] for a file of a newer program.
    pub fn open(path: &Path) -> Result<SnapshotReader, SnapshotError> {
        let file = File::open(path)?;
        let (hash, bytes) = check_hash(path, &file)?;
        let info = SnapshotInfo { rows: 0, bytes, hash };
        let file = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut reader =
            SnapshotReader { path: path.to_path_buf(), file, header: Bytes::new(), info, given: 0 };
        reader.info.rows = reader.read_row_count()?;
        reader.header = reader.read_header()?;
        Ok(reader)
    }

    pub fn header(&self) -> &Bytes {
        &self.header
    }

    pub fn info(&self) -> SnapshotInfo {
        self.info
    }

    /// The next row in the order of writing; `None` after the last.
    pub fn next_row(&mut self) -> Result<Option<Row>, SnapshotError> {
        let key_length = self.read_u32()?;
        if key_length == END {
            // Stay at the end, so that asking again gives the same answer.
            self.file.seek_relative(-4)?;
            return match self.given == self.info.rows {
                true => Ok(None),
                false => Err(self.damaged("its row count is wrong")),
            };
        }
        let value_length = self.read_u32()?;
        let key = self.read_part(key_length)?;
        let value = self.read_part(value_length)?;
        self.given += 1;
        Ok(Some((key, value)))
    }

    fn read_row_count(&mut self) -> Result<u64, SnapshotError> {
        self.file.seek(SeekFrom::End(-(TAIL_BYTES as i64)))?;
        if self.read_u32()? != END {
            return Err(self.damaged("it does not end as a snapshot does"));
        }
        let mut count = [0; 8];
        self.file.read_exact(&mut count)?;
        Ok(u64::from_le_bytes(count))
    }

    fn read_header(&mut self) -> Result<Bytes, SnapshotError> {
        self.file.seek(SeekFrom::Start(MAGIC.len() as u64 + 4))?;
        let length = self.read_u32()?;
        self.read_part(length)
    }

    fn read_u32(&mut self) -> Result<u32, SnapshotError> {
        let mut bytes = [0; 4];
        self.file.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn read_part(&mut self, length: u32) -> Result<Bytes, SnapshotError> {
        if length as usize > PART_BYTES_MAX {
            return Err(self.damaged("a part is longer than any that is written"));
        }
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }

    fn damaged(&self, what: &'static str) -> SnapshotError {
        damaged(&self.path, what)
    }
}

impl Iterator for SnapshotReader {
    type Item = Result<Row, SnapshotError>;

    /// As [`SnapshotReader::next_row`]. Stop at the first error.
    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

/// Reads the whole file; returns its hash and size.
fn check_hash(path: &Path, mut file: &File) -> Result<(ContentHash, u64), SnapshotError> {
    let size = file.metadata()?.len();
    let mut start = [0; 12];
    let Some(hashed) = size.checked_sub(HASH_BYTES).filter(|_| size >= start.len() as u64 + 4 + TAIL_BYTES)
    else {
        return Err(damaged(path, "it is too short"));
    };
    file.read_exact(&mut start)?;
    if start[..8] != *MAGIC {
        return Err(damaged(path, "it does not begin as a snapshot does"));
    }
    let found = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&start);
    hasher.update_reader(file.take(hashed - start.len() as u64))?;
    let mut stored = [0; HASH_BYTES as usize];
    file.read_exact(&mut stored)?;
    if hasher.finalize() != stored {
        return Err(damaged(path, "its hash is wrong"));
    }
    if found != VERSION {
        return Err(SnapshotError::OtherFormat { file: path.display().to_string(), found });
    }
    Ok((ContentHash::from(stored), size))
}

fn damaged(path: &Path, what: &'static str) -> SnapshotError {
    SnapshotError::Damaged { file: path.display().to_string(), what }
}

fn part_length(part: &[u8]) -> Result<[u8; 4], SnapshotError> {
    if part.len() > PART_BYTES_MAX {
        return Err(SnapshotError::TooLarge { bytes: part.len() });
    }
    Ok((part.len() as u32).to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Engine, MemoryEngine};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn write(path: &Path, header: &[u8], rows: &[(Vec<u8>, Vec<u8>)]) -> SnapshotInfo {
        let mut writer = SnapshotWriter::create(path, header).unwrap();
        for (key, value) in rows {
            writer.row(key, value).unwrap();
        }
        writer.finish().unwrap()
    }

    fn rows(reader: SnapshotReader) -> Vec<(Vec<u8>, Vec<u8>)> {
        reader.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_was_written_is_read(
            header: Vec<u8>,
            written in vec((vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..300)), 0..50),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("s");
            let info = write(&path, &header, &written);
            let reader = SnapshotReader::open(&path).unwrap();
            prop_assert_eq!(reader.header(), &header);
            prop_assert_eq!(reader.info(), info);
            prop_assert_eq!(info.bytes, fs::metadata(&path).unwrap().len());
            prop_assert_eq!(rows(reader), written);
        }
    }

    #[test]
    fn any_changed_missing_or_added_byte_is_noticed_before_a_row_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        write(&path, b"at 7", &[(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), vec![])]);
        let whole = fs::read(&path).unwrap();
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let failure = SnapshotReader::open(&path).unwrap_err();
            assert!(matches!(failure, SnapshotError::Damaged { .. }), "{failure}");
        };
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x20;
            refused(&changed);
            refused(&whole[..at]);
        }
        refused(&[&whole[..], &[0]].concat());
    }

    #[test]
    fn a_file_of_a_newer_program_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        write(&path, b"", &[]);
        let mut bytes = fs::read(&path).unwrap();
        bytes[8] = 2;
        let hashed = bytes.len() - HASH_BYTES as usize;
        let hash = blake3::hash(&bytes[..hashed]);
        bytes[hashed..].copy_from_slice(hash.as_bytes());
        fs::write(&path, bytes).unwrap();
        let failure = SnapshotReader::open(&path).unwrap_err();
        assert!(matches!(failure, SnapshotError::OtherFormat { found: 2, .. }));
    }

    #[test]
    fn an_unfinished_snapshot_leaves_the_old_one_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        write(&path, b"old", &[]);
        let mut unfinished = SnapshotWriter::create(&path, b"new").unwrap();
        unfinished.row(b"k", b"v").unwrap();
        drop(unfinished);
        assert_eq!(SnapshotReader::open(&path).unwrap().header(), "old");
        write(&path, b"new", &[]);
        assert_eq!(SnapshotReader::open(&path).unwrap().header(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_engine_is_written_by_ranges_and_its_end_can_be_asked_twice() {
        let engine = MemoryEngine::new();
        let mut batch = Batch::new();
        for n in 0..CHUNK_ROWS as u32 * 2 {
            batch.put(n.to_be_bytes(), n.to_le_bytes());
        }
        engine.commit(batch).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let mut writer = SnapshotWriter::create(&path, b"").unwrap();
        assert_eq!(writer.rows_of(&engine, &5u32.to_be_bytes(), b"").unwrap(), CHUNK_ROWS as u64 * 2 - 5);
        assert_eq!(writer.rows_of(&engine, b"", &5u32.to_be_bytes()).unwrap(), 5);
        writer.finish().unwrap();
        let mut reader = SnapshotReader::open(&path).unwrap();
        let mut read = Vec::new();
        while let Some(row) = reader.next_row().unwrap() {
            read.push(row);
        }
        assert_eq!(reader.next_row().unwrap(), None);
        read.rotate_right(5);
        assert_eq!(read, engine.scan(b"", b"", usize::MAX).unwrap());
    }

    #[test]
    fn a_part_over_the_limit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let large = vec![0; PART_BYTES_MAX + 1];
        let path = dir.path().join("s");
        assert!(matches!(SnapshotWriter::create(&path, &large), Err(SnapshotError::TooLarge { .. })));
        let mut writer = SnapshotWriter::create(&path, b"").unwrap();
        assert!(matches!(writer.row(b"key", &large), Err(SnapshotError::TooLarge { .. })));
        writer.finish().unwrap();
        assert_eq!(SnapshotReader::open(&path).unwrap().next_row().unwrap(), None);
    }
}
