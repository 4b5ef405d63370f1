//! The log against a model, against damage, and against sudden death.

mod damage;
mod killed;
mod model;

use super::*;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// Long enough for a busy machine, short enough for a hang to show.
const PATIENCE: Duration = Duration::from_secs(20);

/// More answers than any test waits for at once.
const ANSWERS_MAX: usize = 1024;

fn options(dir: &Path) -> RaftLogOptions {
    let mut options = RaftLogOptions::new(dir, &b"node 1"[..]);
    options.on_fatal = Arc::new(|reason| panic!("fatal: {reason}"));
    options
}

fn open(dir: &Path) -> RaftLog {
    RaftLog::open(options(dir)).expect("the log opens")
}

fn damage_of(dir: &Path) -> Damage {
    match RaftLog::open(options(dir)) {
        Err(RaftLogError::LogDamaged(damage)) => damage,
        Err(other) => panic!("expected damage, found {other}"),
        Ok(_) => panic!("expected damage, but the log opened"),
    }
}

fn row(index: u64, term: u64, body: &str) -> LogRow {
    LogRow {
        index,
        term: Bytes::copy_from_slice(&term.to_be_bytes()),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn rows(range: std::ops::Range<u64>, term: u64) -> Vec<LogRow> {
    range.map(|index| row(index, term, &format!("entry {index} of term {term}"))).collect()
}

fn mark(index: u64, term: u64) -> Mark {
    Mark { index, term: Bytes::copy_from_slice(&term.to_be_bytes()) }
}

fn ignored() -> Done {
    Box::new(|result| result.expect("written"))
}

/// Appends and waits for the disk.
fn append(log: &GroupLog, rows: Vec<LogRow>) {
    let (done, written) = mpsc::sync_channel(ANSWERS_MAX);
    log.append(rows, Box::new(move |result| done.send(result).unwrap())).expect("appended");
    written.recv_timeout(PATIENCE).expect("answered").expect("written");
}

fn read_all(log: &GroupLog) -> Vec<LogRow> {
    log.read(0, u64::MAX, usize::MAX).expect("readable")
}

fn stored_rows(dir: &Path) -> u64 {
    let connection = rusqlite::Connection::open(dir.join("raftlog.sqlite")).unwrap();
    connection.query_row("SELECT count(*) FROM log", [], |row| row.get::<_, i64>(0)).unwrap() as u64
}

#[test]
fn rows_are_readable_at_once_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let group = log.group(16);
    group.append(rows(0..3, 1), ignored()).unwrap();
    assert_eq!(read_all(&group), rows(0..3, 1));
    group.save_vote(Bytes::from_static(b"vote"), ignored()).unwrap();
    drop(log);

    let log = open(dir.path());
    let group = log.group(16);
    assert_eq!(read_all(&group), rows(0..3, 1));
    let state = group.state();
    assert_eq!(state.vote.as_deref(), Some(&b"vote"[..]));
    assert_eq!(state.last, Some(mark(2, 1)));
    assert_eq!(log.groups(), [16]);
}

#[test]
fn groups_do_not_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    for group in [0, 1, 32_768, u16::MAX] {
        append(&log.group(group), rows(0..4, u64::from(group)));
    }
    log.group(1).truncate_after(Some(mark(1, 1))).unwrap();
    log.group(u16::MAX).purge(mark(1, u64::from(u16::MAX))).unwrap();
    drop(log);

    let log = open(dir.path());
    assert_eq!(read_all(&log.group(0)), rows(0..4, 0));
    assert_eq!(read_all(&log.group(1)), rows(0..2, 1));
    assert_eq!(read_all(&log.group(32_768)), rows(0..4, 32_768));
    assert_eq!(read_all(&log.group(u16::MAX)), rows(2..4, u64::from(u16::MAX)));
}

#[test]
fn callbacks_run_in_order_and_after_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let group = log.group(1);
    let (seen, order) = mpsc::sync_channel(ANSWERS_MAX);
    for index in 0..50 {
        let (seen, path) = (seen.clone(), dir.path().to_owned());
        let done: Done = Box::new(move |result| {
            result.unwrap();
            seen.send((index, stored_rows(&path))).unwrap();
        });
        group.append(rows(index..index + 1, 1), done).unwrap();
    }
    for expected in 0..50 {
        let (index, stored) = order.recv_timeout(PATIENCE).unwrap();
        assert_eq!(index, expected);
        assert!(stored > index, "row {index} was confirmed with {stored} rows on disk");
    }
}

#[test]
fn a_hole_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let group = log.group(1);
    append(&group, rows(0..3, 1));
    let refused = group.append(rows(4..5, 1), ignored());
    assert!(matches!(refused, Err(RaftLogError::NotConsecutive { expected: 3, offered: 4, .. })));
    let refused = group.append(rows(2..4, 1), ignored());
    assert!(matches!(refused, Err(RaftLogError::NotConsecutive { expected: 3, offered: 2, .. })));
    assert_eq!(read_all(&group), rows(0..3, 1));
}

#[test]
fn committed_costs_no_commit_of_its_own_and_goes_with_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let group = log.group(1);
    append(&group, rows(0..3, 1));
    let commits = || {
        let side_file = std::fs::read(dir.path().join("raftlog.commit")).unwrap();
        [0usize, 4096]
            .into_iter()
            .filter_map(|at| side_file.get(at + 20..at + 28))
            .map(|number| u64::from_be_bytes(number.try_into().unwrap()))
            .max()
            .unwrap()
    };
    let before = commits();
    for number in 0u8..100 {
        group.save_committed(Bytes::copy_from_slice(&[number])).unwrap();
    }
    append(&group, rows(3..4, 1));
    let after = commits();
    assert!(after - before <= 2, "one append after 100 committed points made {} commits", after - before);
    drop(log);
    let stored = open(dir.path()).group(1).state();
    assert_eq!(stored.committed.as_deref(), Some(&[99u8][..]));
}

#[test]
fn what_was_committed_last_is_written_when_the_log_closes() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.group(1).save_committed(Bytes::from_static(b"7")).unwrap();
    drop(log);
    assert_eq!(open(dir.path()).group(1).state().committed.as_deref(), Some(&b"7"[..]));
}

#[test]
fn rows_that_left_the_cache_are_read_from_disk_also_after_a_truncate() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = options(dir.path());
    small.cache_bytes = 600; // about four rows
    let log = RaftLog::open(small).unwrap();
    let group = log.group(1);
    append(&group, rows(0..100, 1));
    assert!(!group.is_cached(50), "the cache is too large for this test");
    assert!(group.is_cached(99));
    assert_eq!(read_all(&group), rows(0..100, 1));
    assert_eq!(group.read(40, 60, usize::MAX).unwrap(), rows(40..60, 1));

    // The old rows 50.. are still on disk, and confirmed, while the new ones are queued: each read
    // must show the new ones, whether the writer has got there or not.
    for round in 2..40u64 {
        group.truncate_after(Some(mark(49, 1))).unwrap();
        for index in 50..90 {
            group.append(rows(index..index + 1, round), ignored()).unwrap();
            let tail = group.read(50, 200, usize::MAX).unwrap();
            assert_eq!(tail, rows(50..index + 1, round));
        }
    }
    log.flush().unwrap();
    assert!(!group.is_cached(60));
    let expected: Vec<LogRow> = rows(0..50, 1).into_iter().chain(rows(50..90, 39)).collect();
    assert_eq!(read_all(&group), expected);
    drop(log);
    assert_eq!(read_all(&open(dir.path()).group(1)), expected);
}

#[test]
fn an_opened_log_holds_little_of_what_was_applied_long_ago() {
    let dir = tempfile::tempdir().unwrap();
    let long = "b".repeat(64 << 10);
    let written: Vec<LogRow> = (0..64).map(|index| row(index, 1, &long)).collect();
    let log = open(dir.path());
    append(&log.group(1), written.clone());
    assert!(log.group(1).is_cached(0), "what was just written is at hand");
    drop(log);
    let log = open(dir.path());
    let group = log.group(1);
    assert!(group.is_cached(63) && !group.is_cached(32));
    assert_eq!(read_all(&group), written);
}

#[test]
fn reads_stop_at_their_limit_but_give_one_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = options(dir.path());
    small.cache_bytes = 600;
    let log = RaftLog::open(small).unwrap();
    let group = log.group(1);
    append(&group, rows(0..100, 1));
    for from in [0, 50, 94, 99] {
        assert_eq!(group.read(from, 100, 1).unwrap(), rows(from..from + 1, 1), "from {from}");
        let some = group.read(from, 100, 500).unwrap();
        assert_eq!(some, rows(from..from + some.len() as u64, 1));
        assert!(some.len() as u64 <= 5.min(100 - from));
    }
    assert_eq!(group.read(100, 200, 1).unwrap(), []);
}

#[test]
fn purged_rows_are_gone_at_once_and_leave_the_file_in_steps() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let group = log.group(1);
    append(&group, rows(0..5_000, 1));
    group.purge(mark(3_999, 1)).unwrap();
    assert_eq!(group.read(0, 4_001, usize::MAX).unwrap(), rows(4_000..4_001, 1));
    append(&group, rows(5_000..5_001, 1));
    // One step went with that append, no more.
    assert!(stored_rows(dir.path()) >= 5_001 - 2 * 1_024);
    let start = std::time::Instant::now();
    while stored_rows(dir.path()) > 1_001 {
        assert!(start.elapsed() < PATIENCE, "the purged rows never left the file");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(log);
    let group = open(dir.path()).group(1);
    assert_eq!(read_all(&group), rows(4_000..5_001, 1));
    assert_eq!(group.state().purged, Some(mark(3_999, 1)));
}

#[test]
fn a_purge_interrupted_by_a_restart_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let group = log.group(1);
    append(&group, rows(0..5_000, 1));
    group.purge(mark(4_899, 1)).unwrap();
    drop(log); // the writer stops with most rows still in the file
    let left = stored_rows(dir.path());
    assert!(left > 100, "nothing was left to interrupt");
    let log = open(dir.path());
    assert_eq!(read_all(&log.group(1)), rows(4_900..5_000, 1));
    let start = std::time::Instant::now();
    while stored_rows(dir.path()) > 100 {
        assert!(start.elapsed() < PATIENCE, "the purged rows never left the file");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_purge_past_the_end_moves_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let group = log.group(1);
    append(&group, rows(0..10, 1));
    group.purge(mark(99, 2)).unwrap();
    assert_eq!(read_all(&group), []);
    assert_eq!(group.state().last, Some(mark(99, 2)));
    append(&group, rows(100..103, 2));
    drop(log);
    let group = open(dir.path()).group(1);
    assert_eq!(read_all(&group), rows(100..103, 2));
    assert_eq!(group.state().purged, Some(mark(99, 2)));
}

#[test]
fn a_failed_write_is_fatal_and_nothing_is_confirmed_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let (report, fatal) = mpsc::sync_channel(ANSWERS_MAX);
    let mut options = options(dir.path());
    let report = Mutex::new(report);
    options.on_fatal = Arc::new(move |reason| report.lock().send(reason.to_owned()).unwrap());
    let log = RaftLog::open(options).unwrap();
    let group = log.group(1);
    append(&group, rows(0..3, 1));
    rusqlite::Connection::open(dir.path().join("raftlog.sqlite"))
        .unwrap()
        .execute_batch("DROP TABLE log")
        .unwrap();
    let (done, outcome) = mpsc::sync_channel(ANSWERS_MAX);
    for index in 3..6 {
        let done = done.clone();
        group.append(rows(index..index + 1, 1), Box::new(move |result| done.send(result).unwrap())).unwrap();
    }
    let reason = fatal.recv_timeout(PATIENCE).expect("the failure was reported");
    assert!(reason.contains("no such table"), "{reason}");
    for _ in 3..6 {
        assert!(outcome.recv_timeout(PATIENCE).unwrap().is_err());
    }
    let (done, vote) = mpsc::sync_channel(ANSWERS_MAX);
    group.save_vote(Bytes::from_static(b"v"), Box::new(move |result| done.send(result).unwrap())).unwrap();
    assert!(vote.recv_timeout(PATIENCE).unwrap().is_err());
    assert!(fatal.try_recv().is_err(), "reported twice");
}

#[test]
fn a_log_opens_once_and_only_for_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log.group(1), rows(0..1, 1));
    assert!(matches!(RaftLog::open(options(dir.path())), Err(RaftLogError::InUse { .. })));
    drop(log);
    let mut other = options(dir.path());
    other.identity = Bytes::from_static(b"node 2");
    assert!(matches!(RaftLog::open(other), Err(RaftLogError::OtherIdentity)));
    assert_eq!(read_all(&open(dir.path()).group(1)), rows(0..1, 1));
}

#[test]
fn a_handle_kept_longer_than_the_log_holds_nothing_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = options(dir.path());
    small.cache_bytes = 0;
    let log = RaftLog::open(small).unwrap();
    let group = log.group(1);
    append(&group, rows(0..10, 1));
    drop(log);
    assert!(!dir.path().join("raftlog.sqlite-wal").exists(), "the database was not closed");
    assert!(matches!(group.read(0, 10, usize::MAX), Err(RaftLogError::Stopped)));
    assert_eq!(read_all(&open(dir.path()).group(1)), rows(0..10, 1));
}

#[test]
fn a_read_during_truncates_and_purges_shows_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = options(dir.path());
    small.cache_bytes = 600;
    let log = RaftLog::open(small).unwrap();
    let group = log.group(1);
    append(&group, rows(0..100, 1));
    let writing = std::sync::atomic::AtomicBool::new(true);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while writing.load(std::sync::atomic::Ordering::Relaxed) {
                let read = read_all(&group);
                let terms: std::collections::BTreeSet<&Bytes> =
                    read.iter().filter(|row| row.index >= 50).map(|row| &row.term).collect();
                assert!(terms.len() <= 1, "rows of two terms in one read");
                let consecutive = read.windows(2).all(|pair| pair[0].index + 1 == pair[1].index);
                assert!(consecutive, "a read with a hole");
                seen += 1;
            }
            seen
        });
        for round in 2..400u64 {
            group.truncate_after(Some(mark(49, 1))).unwrap();
            group.append(rows(50..90, round), ignored()).unwrap();
            if round % 10 == 0 {
                group.purge(mark(round / 10, 1)).unwrap();
            }
            if round % 3 == 0 {
                log.flush().unwrap();
            }
        }
        writing.store(false, std::sync::atomic::Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(seen > 20, "only {seen} reads were tried");
}

#[test]
fn a_read_overtaken_by_a_truncate_or_a_purge_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = options(dir.path());
    small.cache_bytes = 600;
    let log = RaftLog::open(small).unwrap();
    let group = log.group(1);
    append(&group, rows(0..100, 1));
    let plan = || group.plan(0, 100, usize::MAX);

    let undisturbed = plan();
    append(&group, rows(100..101, 1));
    assert_eq!(group.fetch(undisturbed, usize::MAX).unwrap(), Some(rows(0..100, 1)));

    let overtaken = plan();
    group.truncate_after(Some(mark(49, 1))).unwrap();
    append(&group, rows(50..100, 2));
    assert_eq!(group.fetch(overtaken, usize::MAX).unwrap(), None);

    let overtaken = plan();
    group.purge(mark(20, 1)).unwrap();
    log.flush().unwrap();
    assert_eq!(group.fetch(overtaken, usize::MAX).unwrap(), None);
    let expected: Vec<LogRow> = rows(21..50, 1).into_iter().chain(rows(50..100, 2)).collect();
    assert_eq!(read_all(&group), expected);
}
