//! Snapshot files: whole or not at all.

use super::*;
use crate::machine::MachineError;
use crate::position::NodeId;

struct Text(&'static str);

impl SnapshotSource for Text {
    fn write_to(self: Box<Self>, out: &mut dyn Write) -> Result<(), MachineError> {
        out.write_all(self.0.as_bytes()).map_err(MachineError::new)
    }
}

struct Failing;

impl SnapshotSource for Failing {
    fn write_to(self: Box<Self>, out: &mut dyn Write) -> Result<(), MachineError> {
        out.write_all(b"half").map_err(MachineError::new)?;
        Err(MachineError::new("no more"))
    }
}

fn at(index: u64) -> Applied {
    let position = LogPosition { term: 2, leader: NodeId(1), index };
    Applied { position: Some(position), membership: Some(Bytes::from_static(b"members")) }
}

fn content(file: &SnapshotFile) -> String {
    let mut text = String::new();
    file.content().read_to_string(&mut text).unwrap();
    text
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_snapshot_is_found_again_and_replaces_the_older() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path().to_owned()).unwrap();
    assert!(store.current().is_none());
    let older = store.write(at(5), Box::new(Text("five"))).unwrap();
    store.write(at(9), Box::new(Text("nine"))).unwrap();
    assert_eq!(files(dir.path()).len(), 1);
    // A transfer that began before goes on reading the file it began with.
    assert_eq!(content(&older), "five");
    older.verify().unwrap();

    let store = SnapshotStore::open(dir.path().to_owned()).unwrap();
    let found = store.current().unwrap();
    assert_eq!(found.applied(), &at(9));
    assert_eq!(content(&found), "nine");
    found.verify().unwrap();
}

#[test]
fn an_older_snapshot_that_finishes_late_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path().to_owned()).unwrap();
    store.write(at(9), Box::new(Text("nine"))).unwrap();
    store.write(at(5), Box::new(Text("five"))).unwrap();
    assert_eq!(content(&store.current().unwrap()), "nine");
    assert_eq!(files(dir.path()).len(), 1);
}

#[test]
fn a_snapshot_never_takes_the_room_the_log_needs() {
    let dir = tempfile::tempdir().unwrap();
    let roomy = SnapshotStore::open(dir.path().to_owned()).unwrap();
    let file = roomy.write(at(5), Box::new(Text("five"))).unwrap();
    let tight =
        SnapshotStore { leave_bytes: u64::MAX, ..SnapshotStore::open(dir.path().to_owned()).unwrap() };
    let refused = tight.write(at(9), Box::new(Text("nine"))).unwrap_err();
    assert!(refused.to_string().contains("too few for a snapshot"), "{refused}");
    assert_eq!(files(dir.path()).len(), 1, "what was begun is gone");
    assert_eq!(content(&tight.current().unwrap()), "five");
    let mut partial = tight.receive(&file.hash(), file.bytes()).unwrap();
    assert_eq!(partial.write(b"any").unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn the_log_may_be_purged_as_far_as_a_snapshot_covers() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path().to_owned()).unwrap();
    let position = |index| at(index).position.unwrap();
    assert!(store.require_cover(&position(1)).is_err());
    store.write(at(9), Box::new(Text("nine"))).unwrap();
    assert!(store.require_cover(&position(9)).is_ok());
    assert!(store.require_cover(&position(10)).is_err());
}

#[test]
fn what_failed_or_was_left_unfinished_is_no_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path().to_owned()).unwrap();
    assert!(store.write(at(5), Box::new(Failing)).is_err());
    assert!(files(dir.path()).is_empty());
    std::fs::write(store.unfinished_path(), b"half a transfer").unwrap();
    let store = SnapshotStore::open(dir.path().to_owned()).unwrap();
    assert!(store.current().is_none());
    assert!(files(dir.path()).is_empty());
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path().to_owned()).unwrap();
    store.write(at(5), Box::new(Text("the whole state of a small shop"))).unwrap();
    let path = dir.path().join(&files(dir.path())[0]);
    let intact = std::fs::read(&path).unwrap();
    for byte in 0..intact.len() {
        let mut flipped = intact.clone();
        flipped[byte] ^= 1 << (byte % 8);
        std::fs::write(&path, flipped).unwrap();
        let noticed = SnapshotFile::open(&path).and_then(|file| file.verify());
        assert!(noticed.is_err(), "byte {byte}");
    }
    for length in 0..intact.len() {
        std::fs::write(&path, &intact[..length]).unwrap();
        assert!(SnapshotFile::open(&path).is_err(), "cut to {length}");
    }
}

#[test]
fn a_snapshot_from_elsewhere_is_taken_over() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = SnapshotStore::open(there.path().to_owned()).unwrap();
    let file = other.write(at(7), Box::new(Text("seven"))).unwrap();
    let store = SnapshotStore::open(here.path().to_owned()).unwrap();
    let adopted = store.adopt(&file).unwrap();
    adopted.verify().unwrap();
    assert_eq!(content(&store.current().unwrap()), "seven");
    assert_eq!(content(&other.current().unwrap()), "seven");
    assert_eq!(files(here.path()), files(there.path()));
}

#[test]
fn the_marker_names_an_install_until_it_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path().to_owned()).unwrap();
    let file = store.write(at(7), Box::new(Text("seven"))).unwrap();
    assert!(store.interrupted_install().unwrap().is_none());
    store.begin_install(&file).unwrap();
    let store = SnapshotStore::open(dir.path().to_owned()).unwrap();
    assert_eq!(store.interrupted_install().unwrap().unwrap().applied(), &at(7));
    store.end_install().unwrap();
    assert!(store.interrupted_install().unwrap().is_none());
}
