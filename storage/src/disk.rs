//! Small promises about files that the standard library leaves to its caller.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Ends the name of every file that is being written; such a file found later is a leftover.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

/// A file system as an unprivileged process sees it, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// What is used and what is free; not what is kept back for root.
    pub total: u64,
    pub free: u64,
}

/// The space of the file system that holds `dir`.
pub fn space(dir: &Path) -> io::Result<Space> {
    let stat = rustix::fs::statvfs(dir)?;
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(Space { total: bytes(used + stat.f_bavail), free: bytes(stat.f_bavail) })
}

/// Bytes an unprivileged process can still write to the file system that holds `dir`.
pub fn free_bytes(dir: &Path) -> io::Result<u64> {
    Ok(space(dir)?.free)
}

/// Makes a file that takes this much room, so that removing it gives the room back.
///
/// # Errors
/// There is not as much; nothing is left behind then.
pub fn set_aside(path: &Path, bytes: u64) -> io::Result<()> {
    let file = File::create(path)?;
    let taken = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes);
    if let Err(error) = taken {
        let _ = fs::remove_file(path);
        return Err(error.into());
    }
    Ok(())
}

/// Replaces the file at `path` as a whole: after a crash or power cut it holds the old bytes or the
/// new ones, and after this returns the new ones. The directory must exist.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary_beside(path)?;
    let written = (|| {
        let mut file = File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if let Err(failure) = written {
        // The caller needs the first failure; a leftover is recognised by its suffix.
        let _ = fs::remove_file(&temporary);
        return Err(failure);
    }
    sync_dir(parent(path)?)
}

/// Keeps a prepared statement's plan whatever values are bound to it. SQLite would else plan and prepare
/// anew at every other range: a tenth of what reading a page of events cost.
pub fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Makes names created, renamed or removed in `dir` survive a power cut.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// A fresh name in the directory of `path`, so that a rename never crosses a file system.
pub(crate) fn temporary_beside(path: &Path) -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or_else(|| no_file_name(path))?;
    let mut temporary = name.to_os_string();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{n}{TEMPORARY_SUFFIX}", std::process::id()));
    Ok(parent(path)?.join(temporary))
}

/// The directory that holds `path`; a bare file name is in the working directory.
pub(crate) fn parent(path: &Path) -> io::Result<&Path> {
    match path.parent() {
        Some(dir) if dir.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(dir) => Ok(dir),
        None => Err(no_file_name(path)),
    }
}

/// `path` with more text after its last component: `a/b` and `-wal` give `a/b-wal`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut whole = path.as_os_str().to_os_string();
    whole.push(suffix);
    PathBuf::from(whole)
}

fn no_file_name(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{} names no file", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_is_whole_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("note");
        write_durably(&path, b"first, and longer").unwrap();
        write_durably(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_cleans_up() {
        let dir = tempfile::tempdir().unwrap();
        // A directory stands where the file should go, so the rename must fail.
        let path = dir.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"kept").unwrap();
        assert!(write_durably(&path, b"new").is_err());
        assert_eq!(fs::read(path.join("inside")).unwrap(), b"kept");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(write_durably(&dir.path().join("missing").join("note"), b"new").is_err());
    }

    #[test]
    fn free_space_is_counted_in_bytes() {
        let dir = tempfile::tempdir().unwrap();
        // Fewer than 1 MiB would mean blocks were counted (or that no test could run here).
        assert!(free_bytes(dir.path()).unwrap() > 1 << 20);
        let space = space(dir.path()).unwrap();
        assert!(space.total >= space.free && space.total > 1 << 20);
        assert!(free_bytes(&dir.path().join("missing")).is_err());
    }

    #[test]
    fn room_is_set_aside_or_nothing_is() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        set_aside(&path, 1 << 20).unwrap();
        let seen = fs::metadata(&path).unwrap();
        assert!(
            seen.len() == 1 << 20 && seen.blocks() * 512 >= 1 << 20,
            "a file full of holes keeps no room"
        );
        assert!(set_aside(&path, i64::MAX as u64).is_err());
        assert!(!path.exists());
    }
}
