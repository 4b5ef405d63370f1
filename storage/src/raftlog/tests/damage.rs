//! Whatever happens to the files, the log opens with all it confirmed or not at all.

use super::*;
use std::fs;
use std::path::PathBuf;

/// A copy of the files of a running log, as a process leaves them that dies now.
fn left_behind(log: &RaftLog, dir: &Path) -> tempfile::TempDir {
    log.flush().unwrap();
    let copy = tempfile::tempdir().unwrap();
    for name in ["raftlog.sqlite", "raftlog.sqlite-wal", "raftlog.commit"] {
        fs::copy(dir.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

fn flip(path: PathBuf, at: usize, mask: u8) {
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= mask;
    fs::write(&path, bytes).unwrap();
}

fn filled(dir: &Path) -> RaftLog {
    let log = open(dir);
    let group = log.group(1);
    group.save_vote(Bytes::from_static(b"the vote"), ignored()).unwrap();
    for start in (0..60).step_by(6) {
        append(&group, rows(start..start + 6, 1));
    }
    log
}

/// Opens; gives the damage, or checks that nothing at all is missing.
fn whole_or_damaged(dir: &Path, what: &str) -> bool {
    match RaftLog::open(options(dir)) {
        Ok(log) => {
            let group = log.group(1);
            assert_eq!(read_all(&group), rows(0..60, 1), "{what} lost rows and went unnoticed");
            assert_eq!(group.state().vote.as_deref(), Some(&b"the vote"[..]), "{what} changed the vote");
            true
        }
        // The format number is all there is to tell a newer file from a damaged one.
        Err(RaftLogError::LogDamaged(_) | RaftLogError::UnknownFormat { .. }) => false,
        Err(other) => panic!("{what}: expected damage, found {other}"),
    }
}

#[test]
fn a_process_that_dies_leaves_a_log_that_opens() {
    let dir = tempfile::tempdir().unwrap();
    let log = filled(dir.path());
    let left = left_behind(&log, dir.path());
    assert!(whole_or_damaged(left.path(), "dying"));
}

#[test]
fn a_flipped_bit_anywhere_in_the_wal_is_noticed_or_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let log = filled(dir.path());
    let left = left_behind(&log, dir.path());
    let length = fs::metadata(left.path().join("raftlog.sqlite-wal")).unwrap().len() as usize;
    let mut noticed = 0;
    let offsets: Vec<usize> = (0..120).map(|step| step * length / 120 + step % 7).collect();
    for at in offsets.into_iter().filter(|at| *at < length) {
        let copy = copy_of(left.path());
        flip(copy.path().join("raftlog.sqlite-wal"), at, 1 << (at % 8));
        noticed += u32::from(!whole_or_damaged(copy.path(), &format!("a flip at {at} of the WAL")));
    }
    assert!(noticed > 100, "only {noticed} flips were noticed");
}

#[test]
fn a_flipped_bit_anywhere_in_the_database_is_noticed_or_harmless() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path())); // closing moves everything into the database file
    let length = fs::metadata(dir.path().join("raftlog.sqlite")).unwrap().len() as usize;
    let mut noticed = 0;
    for step in 0..300 {
        let at = step * length / 300 + step % 11;
        let copy = copy_of(dir.path());
        flip(copy.path().join("raftlog.sqlite"), at.min(length - 1), 1 << (at % 8));
        noticed += u32::from(!whole_or_damaged(copy.path(), &format!("a flip at {at} of the database")));
    }
    assert!(noticed > 20, "only {noticed} flips were noticed");
}

#[test]
fn a_flipped_bit_in_a_row_names_the_row() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()));
    let path = dir.path().join("raftlog.sqlite");
    let bytes = fs::read(&path).unwrap();
    let needle = b"entry 37 of term 1";
    let at = bytes.windows(needle.len()).position(|window| window == needle).expect("the row is in the file");
    flip(path, at + 3, 0x20);
    assert_eq!(damage_of(dir.path()), Damage::Row { group: 1, index: 37 });
}

#[test]
fn a_wal_cut_short_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let log = filled(dir.path());
    let left = left_behind(&log, dir.path());
    let wal = left.path().join("raftlog.sqlite-wal");
    let length = fs::metadata(&wal).unwrap().len();
    for missing in [1, 100, 4_096, 40_000, length] {
        let copy = copy_of(left.path());
        let cut = fs::File::options().write(true).open(copy.path().join("raftlog.sqlite-wal")).unwrap();
        cut.set_len(length - missing).unwrap();
        assert!(matches!(damage_of(copy.path()), Damage::Behind { .. }), "{missing} bytes were missing");
    }
}

#[test]
fn an_older_copy_of_the_database_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let log = filled(dir.path());
    let older = left_behind(&log, dir.path());
    append(&log.group(1), rows(60..61, 1));
    let newer = left_behind(&log, dir.path());
    fs::copy(newer.path().join("raftlog.commit"), older.path().join("raftlog.commit")).unwrap();
    assert!(matches!(damage_of(older.path()), Damage::Behind { .. }));
}

#[test]
fn a_lost_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()));
    let without_database = copy_of(dir.path());
    fs::remove_file(without_database.path().join("raftlog.sqlite")).unwrap();
    assert!(matches!(damage_of(without_database.path()), Damage::Behind { database: 0, .. }));

    let without_number = copy_of(dir.path());
    fs::remove_file(without_number.path().join("raftlog.commit")).unwrap();
    assert_eq!(damage_of(without_number.path()), Damage::CommitNumberMissing);

    let unreadable = copy_of(dir.path());
    fs::write(unreadable.path().join("raftlog.commit"), [7; 8_192]).unwrap();
    assert_eq!(damage_of(unreadable.path()), Damage::CommitNumberMissing);
}

#[test]
fn a_database_from_elsewhere_is_noticed() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(filled(one.path()));
    drop(filled(other.path()));
    fs::copy(other.path().join("raftlog.sqlite"), one.path().join("raftlog.sqlite")).unwrap();
    assert_eq!(damage_of(one.path()), Damage::OtherDatabase);
}

#[test]
fn a_torn_commit_number_falls_back_to_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()));
    let side_file = fs::read(dir.path().join("raftlog.commit")).unwrap();
    let number = |at: usize| u64::from_be_bytes(side_file[at + 20..at + 28].try_into().unwrap());
    let newest = if number(0) > number(4_096) { 0 } else { 4_096 };
    flip(dir.path().join("raftlog.commit"), newest + 25, 0xff);
    assert!(whole_or_damaged(dir.path(), "a torn commit number"));
}

#[test]
fn rows_removed_behind_the_logs_back_are_noticed() {
    for (statement, expected) in [
        ("DELETE FROM log WHERE id = (SELECT max(id) FROM log)", Damage::Gap { group: 1, index: 59 }),
        ("DELETE FROM log WHERE id = (SELECT min(id) FROM log)", Damage::Gap { group: 1, index: 0 }),
        ("DELETE FROM log WHERE id % 100 = 30", Damage::Gap { group: 1, index: 30 }),
        ("DELETE FROM log", Damage::Gap { group: 1, index: 0 }),
    ] {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path()));
        let connection = rusqlite::Connection::open(dir.path().join("raftlog.sqlite")).unwrap();
        // Row ids carry the group in their high bits; 30 is the index within group 1.
        let statement = statement.replace("id % 100 = 30", &format!("id = {}", (1i64 << 48) | 30));
        connection.execute(&statement, []).unwrap();
        drop(connection);
        assert_eq!(damage_of(dir.path()), expected, "{statement}");
    }
}
