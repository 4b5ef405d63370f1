//! Small disks for tests: mounted, filled, and gone at the end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something mounted, until it is dropped.
pub struct Mount {
    place: PathBuf,
}

impl Mount {
    /// # Panics
    /// With the command that would have to be allowed.
    pub fn new(options: &[&str], what: Option<&Path>, place: &Path) -> Mount {
        let mut command = privileged("mount");
        command.args(options).args(what).arg(place);
        let shown = format!("{command:?}").replace('"', "");
        let output = command.output().unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert!(
            output.status.success(),
            "this test needs to mount; run it as root, or allow: sudo {}\n{}",
            shown.trim_start_matches("sudo -n "),
            String::from_utf8_lossy(&output.stderr)
        );
        Mount { place: place.to_owned() }
    }

    /// An empty disk of so many MiB.
    pub fn disk(mib: u64, place: &Path) -> Mount {
        std::fs::create_dir_all(place).expect("a directory for the disk");
        Mount::new(&["-t", "tmpfs", "-o", &format!("size={mib}m")], Some(Path::new("tmpfs")), place)
    }

    /// Takes room until only this part of the disk is free, in thousandths.
    pub fn fill_to(&self, thousandths: u64) {
        let space = gearify_storage::disk::space(&self.place).expect("the disk can be looked at");
        let take = space.free.saturating_sub(space.total / 1_000 * thousandths);
        gearify_storage::disk::set_aside(&self.ballast(), take).expect("there is as much");
    }

    /// Writes until nothing more fits.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.ballast().with_extension("more")).expect("a file fits");
        for size in [1 << 20, 4 << 10, 1] {
            let block = vec![7u8; size];
            while file.write_all(&block).is_ok() {}
        }
    }

    /// Gives all of it back.
    pub fn empty(&self) {
        for file in [self.ballast(), self.ballast().with_extension("more")] {
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
                _ => {}
            }
        }
    }

    fn ballast(&self) -> PathBuf {
        self.place.join("ballast")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = privileged("umount").arg("-l").arg(&self.place).status();
    }
}

fn privileged(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}
