//! Disks whose power can be cut: an ext4 file system in a file, mounted through a loop device.
//!
//! What the node wrote and did not sync lies in the page cache of the mounted file system; the file behind
//! it has only what reached the block layer. A cut takes a copy of that file and mounts the copy in the
//! disk's place: its journal is replayed, and whatever was never synced is gone. Writing back is held off
//! for longer than a run lasts, so that it is the sync calls that decide.
//!
//! Bounds of the method: it trusts the drive's own cache, and a write that the kernel happened to send
//! early is kept. A lost fsync shows; a drive that lies does not.

use super::place::{tool, try_tool};
use rustix::fs::{FallocateFlags, fallocate};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A share of the machine's dirty memory that each disk may fill before it is written back. The shares of
/// all disks of the machine stay below a hundred.
const SHARES: [&str; 5] = ["25", "20", "10", "5", "1"];

pub struct Disk {
    image: PathBuf,
    place: PathBuf,
    /// Where its share of dirty memory is set; it outlives the mount.
    share: PathBuf,
    cuts: u32,
}

/// Files and their bytes.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

impl Disk {
    /// A new file system of so many MiB, mounted at `place`.
    pub fn new(image: &Path, place: &Path, mebibytes: u32) -> Disk {
        let file = std::fs::File::create(image).expect("the harness's directory takes an image");
        file.set_len(u64::from(mebibytes) << 20).expect("an image may be sparse");
        drop(file);
        tool("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), image.as_os_str()]);
        std::fs::create_dir_all(place).expect("the harness's directory takes a directory");
        let mut disk =
            Disk { image: image.to_owned(), place: place.to_owned(), share: PathBuf::new(), cuts: 0 };
        disk.mount();
        disk
    }

    pub fn place(&self) -> &Path {
        &self.place
    }

    fn mount(&mut self) {
        // The journal commits by itself no sooner than a run ends.
        let options =
            ["-o".as_ref(), "loop,commit=300".as_ref(), self.image.as_os_str(), self.place.as_os_str()];
        tool("mount", &options);
        let device =
            tool("findmnt", &["-n".as_ref(), "-o".as_ref(), "MAJ:MIN".as_ref(), self.place.as_os_str()]);
        self.share = PathBuf::from(format!("/sys/class/bdi/{}/min_ratio", device.trim()));
        let held = SHARES.iter().any(|share| std::fs::write(&self.share, share).is_ok());
        assert!(held, "{} takes no share: writing back can't be held off", self.share.display());
    }

    /// Everything written so far is on the disk.
    pub fn sync(&self) {
        tool("sync", &["-f".as_ref(), self.place.as_os_str()]);
    }

    /// Takes all its room; answers the file that has it.
    pub fn fill(&self) -> PathBuf {
        const LEAST: u64 = 4096;
        let path = self.place.join("ballast");
        let file = std::fs::File::create(&path).expect("a full disk still takes a name");
        let (mut taken, mut piece) = (0, 64 << 20);
        while piece >= LEAST {
            match fallocate(&file, FallocateFlags::empty(), taken, piece) {
                Ok(()) => taken += piece,
                Err(_) => piece /= 2,
            }
        }
        path
    }

    /// What the file system shows.
    pub fn files(&self) -> Files {
        let mut files = Files::new();
        read_all(&self.place, &self.place, &mut files);
        files
    }

    /// What would be there if the power went now. Nobody may write meanwhile.
    pub fn copy(&mut self) -> PathBuf {
        self.cuts += 1;
        let copy = self.image.with_extension(self.cuts.to_string());
        tool("cp", &["--sparse=always".as_ref(), self.image.as_os_str(), copy.as_os_str()]);
        copy
    }

    /// Comes back with what was on the disk when the copy was taken. Nobody may have a file open.
    pub fn comes_back(&mut self, copy: PathBuf) {
        self.unmount();
        std::fs::remove_file(&self.image).expect("the image is the harness's own");
        self.image = copy;
        self.mount();
    }

    fn unmount(&self) {
        let _ = std::fs::write(&self.share, "0");
        let mut said = String::new();
        // A killed process lets go of its files a moment after it is gone.
        for _ in 0..100 {
            match try_tool("umount", &[&self.place]) {
                Ok(_) => return,
                Err(error) => said = error,
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{} can't be unmounted: {said}", self.place.display());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.share, "0");
        let _ = try_tool("umount", &["-l".as_ref(), self.place.as_os_str()]);
        let _ = std::fs::remove_file(&self.image);
    }
}

fn read_all(root: &Path, dir: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(dir).expect("a directory of the node can be read") {
        let path = entry.expect("a directory of the node can be read").path();
        if path.is_dir() {
            read_all(root, &path, files);
        } else if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file of the node can be read");
            files.insert(path.strip_prefix(root).expect("it lies below").to_owned(), bytes);
        }
    }
}

/// What the second lacks of the first: files that are missing, shorter or different.
pub fn lost(before: &Files, after: &Files) -> Vec<PathBuf> {
    let differs = |(path, bytes): &(&PathBuf, &Vec<u8>)| after.get(*path) != Some(*bytes);
    before.iter().filter(differs).map(|(path, _)| path.clone()).collect()
}
