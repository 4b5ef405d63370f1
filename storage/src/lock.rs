//! One process per data directory: an advisory lock on a `LOCK` file inside it.
//!
//! The kernel releases the lock when the process ends, however it ends, so a stale file never keeps
//! anybody out. The file holds the process id of the last owner, for a person who looks.

use crate::table::StorageError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Name of the lock file inside the locked directory.
pub const LOCK_FILE: &str = "LOCK";

/// Holds a directory for as long as it lives.
#[derive(Debug)]
pub struct DirLock {
    dir: PathBuf,
    file: File,
}

impl DirLock {
    /// Creates the directory where it is missing and locks it without waiting.
    ///
    /// # Errors
    /// [`StorageError::InUse`] naming the directory if anyone holds it, this process included.
    pub fn acquire(dir: &Path) -> Result<DirLock, StorageError> {
        fs::create_dir_all(dir)?;
        let path = dir.join(LOCK_FILE);
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(StorageError::InUse { path: dir.display().to_string() });
            }
            Err(other) => return Err(std::io::Error::from(other).into()),
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(DirLock { dir: dir.to_path_buf(), file })
    }

    /// The locked directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Letting go is said aloud: closing the file alone would leave the lock with a child process that was
/// forked in this moment and has not yet come to its own program.
impl Drop for DirLock {
    fn drop(&mut self) {
        // A lock that cannot be taken off goes with the last descriptor of the file.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const CHILD_DIR: &str = "GEARIFY_LOCK_TEST_DIR";

    /// The test runs itself as a second process; the child's exit code says what the child saw.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the child's exit code is its answer")]
    fn a_second_process_is_refused_until_the_first_lets_go() {
        if let Ok(dir) = std::env::var(CHILD_DIR) {
            match DirLock::acquire(Path::new(&dir)) {
                Ok(_) => std::process::exit(30),
                Err(StorageError::InUse { path }) if path == dir => std::process::exit(31),
                Err(_) => std::process::exit(32),
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let child = || {
            let test = "lock::tests::a_second_process_is_refused_until_the_first_lets_go";
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", test]).env(CHILD_DIR, dir.path());
            command.output().unwrap().status.code()
        };
        let lock = DirLock::acquire(dir.path()).unwrap();
        assert_eq!(child(), Some(31));
        drop(lock);
        assert_eq!(child(), Some(30));
    }

    /// A descriptor that a forked child still has is the same as one duplicated here.
    #[test]
    fn a_copy_of_the_descriptor_does_not_keep_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirLock::acquire(dir.path()).unwrap();
        let _inherited = lock.file.try_clone().unwrap();
        drop(lock);
        DirLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn the_same_process_is_refused_too() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirLock::acquire(dir.path()).unwrap();
        assert_eq!(lock.dir(), dir.path());
        assert!(matches!(DirLock::acquire(dir.path()), Err(StorageError::InUse { .. })));
    }
}
