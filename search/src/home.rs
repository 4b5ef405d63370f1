//! A tenant's directory: which index directory is the current one, and how another takes its place.
//!
//! `current` names one of the directories `v{format}-{generation}` beside it and is replaced by a
//! rename, so at any instant a crash leaves one complete current index. Whatever else lies there
//! is a half-built or a replaced index and is swept at the next opening. A directory that cannot be
//! used is kept as `damaged-…` for a look at it; the latest one only, as bound for the disk.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::engine::FORMAT;

const CURRENT: &str = "current";
const DAMAGED: &str = "damaged-";

pub struct Home {
    dir: PathBuf,
}

impl Home {
    pub fn new(dir: PathBuf) -> Home {
        Home { dir }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn path(&self, generation: &str) -> PathBuf {
        self.dir.join(generation)
    }

    /// The current generation's name, if there is one.
    pub fn current(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(self.dir.join(CURRENT)) {
            Ok(name) => Ok(Some(name.trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            // Not text: as unusable as a name that leads nowhere.
            Err(error) if error.kind() == ErrorKind::InvalidData => Ok(Some(String::new())),
            Err(error) => Err(error),
        }
    }

    pub fn is_of_this_format(generation: &str) -> bool {
        generation.strip_prefix(&format!("v{FORMAT}-")).is_some_and(|number| number.parse::<u64>().is_ok())
    }

    /// Whether an earlier version, or a later one, made it in its own format.
    pub fn is_of_another_format(generation: &str) -> bool {
        let parts = generation.strip_prefix('v').and_then(|rest| rest.split_once('-'));
        let other = |(format, number): (&str, &str)| {
            format.parse::<u32>().is_ok_and(|format| format != FORMAT) && number.parse::<u64>().is_ok()
        };
        parts.is_some_and(other)
    }

    /// An empty directory for a generation that is not yet current.
    pub fn create_generation(&self) -> io::Result<String> {
        fs::create_dir_all(&self.dir)?;
        let highest =
            self.entries()?.iter().filter_map(|name| name.rsplit('-').next()?.parse::<u64>().ok()).max();
        let name = format!("v{FORMAT}-{:06}", highest.unwrap_or(0) + 1);
        fs::create_dir(self.path(&name))?;
        Ok(name)
    }

    pub fn make_current(&self, generation: &str) -> io::Result<()> {
        sync(&self.path(generation))?;
        let new = self.dir.join("current.new");
        let mut file = File::create(&new)?;
        file.write_all(generation.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, self.dir.join(CURRENT))?;
        sync(&self.dir)
    }

    /// Puts the current generation out of use, whatever state it is in.
    pub fn set_aside(&self, generation: &str) -> io::Result<()> {
        let found = self.entries()?;
        if found.iter().any(|name| name == generation && !name.is_empty()) {
            for earlier in found.iter().filter(|name| name.starts_with(DAMAGED)) {
                fs::remove_dir_all(self.path(earlier))?;
            }
            fs::rename(self.path(generation), self.dir.join(format!("{DAMAGED}{generation}")))?;
        }
        fs::remove_file(self.dir.join(CURRENT))?;
        sync(&self.dir)
    }

    /// Removes what is neither current nor set aside.
    pub fn sweep(&self) -> io::Result<()> {
        let current = self.current()?;
        for name in self.entries()? {
            if name.starts_with('v') && Some(&name) != current.as_ref() {
                fs::remove_dir_all(self.path(&name))?;
            }
        }
        Ok(())
    }

    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Names of the directories in it.
    fn entries(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
