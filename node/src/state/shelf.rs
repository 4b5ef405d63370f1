//! Where a group's rows lie: an engine in a numbered directory, and `CURRENT`, which names the number.

use super::{GroupKey, group_name, read_applied};
use gearify_storage::disk::write_durably;
use gearify_storage::{Engine, SetAside, SledEngine, SledOptions, StorageError};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) const CURRENT: &str = "CURRENT";

/// An engine that a group's rows may lie in.
pub trait Store: Engine {
    /// Writes out what is in memory.
    fn flush(&self) -> Result<(), StorageError>;

    fn size_on_disk(&self) -> Result<u64, StorageError>;
}

impl Store for SledEngine {
    fn flush(&self) -> Result<(), StorageError> {
        SledEngine::flush(self)
    }

    fn size_on_disk(&self) -> Result<u64, StorageError> {
        SledEngine::size_on_disk(self)
    }
}

/// The rows of a group, wherever they lie.
pub type Rows = Arc<dyn Store>;

/// Where engines come from, when one is to take the place of another.
pub trait Shelf: Send + Sync {
    /// Where it is; what else lies there is removed at the next start.
    fn dir(&self) -> &Path;

    /// An empty engine beside the current one, which counts for nothing until it is kept.
    fn fresh(&self) -> Result<Rows, StorageError>;

    /// Makes the engine that [`Shelf::fresh`] gave last the current one, for good. Answers the directory that
    /// is no longer used, if there is one to remove.
    fn keep(&self) -> Result<Option<PathBuf>, StorageError>;
}

/// Engines in numbered directories.
pub(super) struct Directory {
    dir: PathBuf,
    options: SledOptions,
}

impl Directory {
    /// The current engine below `dir`, or an empty one where it is damaged; what else lies there is removed.
    pub(super) fn open(
        group: GroupKey,
        dir: &Path,
        options: SledOptions,
    ) -> Result<(Rows, Directory, Option<SetAside>), StorageError> {
        fs::create_dir_all(dir)?;
        let number = match current_number(dir) {
            Err(StorageError::Damaged(reason)) => {
                tracing::error!(group = group_name(group), reason, "state can't be found; building it again");
                let next = directories(dir)?.into_iter().max().unwrap_or(0) + 1;
                name_current(dir, next)?;
                next
            }
            named => named?,
        };
        remove_other_directories(dir, number)?;
        let opened = SledEngine::open_or_set_aside(&numbered(dir, number), options)?;
        let (engine, set_aside) = match read_applied(&opened.engine) {
            Ok(_) => (opened.engine, opened.set_aside),
            Err(StorageError::Damaged(reason)) => {
                tracing::error!(group = group_name(group), reason, "state can't be read; building it again");
                drop(opened);
                turn_page(dir)?;
                let engine = SledEngine::open(&numbered(dir, number + 1), options)?;
                (engine, Some(SetAside { path: numbered(dir, number), reason }))
            }
            Err(other) => return Err(other),
        };
        Ok((Arc::new(engine), Directory { dir: dir.into(), options }, set_aside))
    }
}

impl Shelf for Directory {
    fn dir(&self) -> &Path {
        &self.dir
    }

    fn fresh(&self) -> Result<Rows, StorageError> {
        let next = numbered(&self.dir, current_number(&self.dir)? + 1);
        if next.exists() {
            fs::remove_dir_all(&next)?;
        }
        Ok(Arc::new(SledEngine::open(&next, self.options)?))
    }

    fn keep(&self) -> Result<Option<PathBuf>, StorageError> {
        let old = current_number(&self.dir)?;
        name_current(&self.dir, old + 1)?;
        Ok(Some(numbered(&self.dir, old)))
    }
}

/// Makes the next directory the current one, whatever is in it.
pub(super) fn turn_page(dir: &Path) -> Result<(), StorageError> {
    name_current(dir, current_number(dir)? + 1)
}

fn name_current(dir: &Path, number: u64) -> Result<(), StorageError> {
    Ok(write_durably(&dir.join(CURRENT), number.to_string().as_bytes())?)
}

fn numbered(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("state-{number}"))
}

fn current_number(dir: &Path) -> Result<u64, StorageError> {
    match fs::read_to_string(dir.join(CURRENT)) {
        Ok(text) => text
            .trim()
            .parse()
            .map_err(|_| StorageError::Damaged(format!("{} names no number", dir.join(CURRENT).display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(1),
        Err(error) => Err(error.into()),
    }
}

/// What an installation left behind: the old rows, or new ones that were never switched to.
fn remove_other_directories(dir: &Path, keep: u64) -> Result<(), StorageError> {
    for number in directories(dir)?.into_iter().filter(|number| *number != keep) {
        fs::remove_dir_all(numbered(dir, number))?;
    }
    Ok(())
}

pub(super) fn directories(dir: &Path) -> Result<Vec<u64>, StorageError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("state-"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    Ok(numbers)
}
