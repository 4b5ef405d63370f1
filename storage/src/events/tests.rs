//! The event store: order, closing, damage.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::Connection;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

fn row(index: u64, n: u32, stream: &str, seq: u64, body: impl Into<Vec<u8>>) -> EventRow {
    let stream = Bytes::copy_from_slice(stream.as_bytes());
    EventRow { position: EventPosition::new(index, n), stream, seq, body: Bytes::from(body.into()) }
}

fn at(index: u64, n: u32) -> EventPosition {
    EventPosition::new(index, n)
}

fn all(reader: &EventReader) -> Vec<EventRow> {
    reader.read(EventPosition::default(), usize::MAX).unwrap()
}

/// A size that every file reaches with a few of [`big`].
const SMALL_FILE: u64 = 100_000;

/// An entry with one event of 10 kB in the stream `sales`.
fn big(index: u64) -> EventRow {
    row(index, 0, "sales", index, vec![index as u8; 10_000])
}

/// A store of several files with the entries `1..=last`.
fn store_of_several_files(dir: &Path, last: u64) -> EventStore {
    let mut store = EventStore::open_with(dir, SMALL_FILE).unwrap();
    for index in store.position() + 1..=last {
        store.append(&[big(index)], index).unwrap();
    }
    store
}

#[test]
fn what_was_appended_is_read_in_order_and_survives_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [
        row(2, 0, "a", 1, "first"),
        row(2, 1, "b", 1, ""),
        row(5, 0, "", 0, "no stream"),
        row(5, 1, "a", 2, "x"),
    ];
    let mut store = EventStore::open(dir.path()).unwrap();
    assert_eq!((store.position(), all(&store)), (0, vec![]));
    store.append(&rows[..2], 4).unwrap();
    store.append(&rows[2..], 5).unwrap();
    store.append(&[], 9).unwrap();
    drop(store);
    let store = EventStore::open(dir.path()).unwrap();
    assert_eq!((store.position(), all(&store)), (9, rows.to_vec()));
    assert_eq!(store.read(at(2, 1), 2).unwrap(), rows[1..3]);
    assert_eq!(store.read(at(2, 1).next(), 1).unwrap(), rows[2..3]);
    assert_eq!(store.read(at(6, 0), 10).unwrap(), []);
    assert_eq!(store.read_stream(b"a", 0, 10).unwrap(), [rows[0].clone(), rows[3].clone()]);
    assert_eq!(store.read_stream(b"a", 2, 10).unwrap(), rows[3..]);
    assert_eq!(store.read_stream(b"", 0, 10).unwrap(), []);
    assert_eq!(store.verify().unwrap(), Verified { files: 1, rows: 4, through: 9 });
}

#[test]
fn repeating_an_append_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = EventStore::open(dir.path()).unwrap();
    store.append(&[row(1, 0, "a", 1, "one")], 3).unwrap();
    store.append(&[row(1, 0, "a", 1, "one")], 3).unwrap();
    // An overlapping append brings only what is new.
    store.append(&[row(1, 0, "a", 1, "one"), row(4, 0, "a", 2, "two")], 4).unwrap();
    store.append(&[], 2).unwrap();
    assert_eq!(store.position(), 4);
    assert_eq!(all(&store), [row(1, 0, "a", 1, "one"), row(4, 0, "a", 2, "two")]);
}

#[test]
fn rows_that_make_no_sense_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = EventStore::open(dir.path()).unwrap();
    let mut refused = |rows: &[EventRow], through| store.append(rows, through).unwrap_err().to_string();
    assert_eq!(
        refused(&[row(2, 1, "a", 1, ""), row(2, 1, "a", 2, "")], 2),
        "event 2.1 does not come after the one before it"
    );
    assert_eq!(
        refused(&[row(3, 0, "a", 1, "")], 2),
        "event 3.0 lies beyond 2, the last log index this append covers"
    );
    assert_eq!(refused(&[row(0, 0, "a", 1, "")], 2), "log index 0 of event 0.0 does not fit the store");
    assert_eq!(
        refused(&[row(1, 0, "a", u64::MAX, "")], 2),
        "the sequence number of event 1.0 does not fit the store"
    );
    assert_eq!((store.position(), all(&store)), (0, vec![]));
}

#[test]
fn files_close_by_size_and_reading_walks_over_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_of_several_files(dir.path(), 60);
    let files = store.files();
    assert!(files.len() >= 4, "{} files", files.len());
    assert!(files.windows(2).all(|pair| pair[0].through + 1 == pair[1].first));
    assert!(files[..files.len() - 1].iter().all(|file| file.hash.is_some() && file.bytes >= SMALL_FILE));
    assert_eq!(files.last().unwrap().hash, None);
    for file in &files[..files.len() - 1] {
        let hash = ContentHash::of(&fs::read(&file.path).unwrap());
        assert_eq!(file.hash, Some(hash));
        assert!(fs::metadata(&file.path).unwrap().permissions().readonly());
    }
    let expected: Vec<EventRow> = (1..=60).map(big).collect();
    assert_eq!(all(&store), expected);
    assert_eq!(store.read(at(7, 0), 30).unwrap(), expected[6..36]);
    for from in [0, 1, 9, 33, 60, 61] {
        let rows = store.read_stream(b"sales", from, usize::MAX).unwrap();
        assert_eq!(rows, expected[from.saturating_sub(1) as usize..], "from {from}");
    }
    let before = (files, store.verify().unwrap());
    drop(store);
    let store = store_of_several_files(dir.path(), 60);
    assert_eq!((store.files(), store.verify().unwrap()), before);
    assert_eq!(all(&store), expected);
}

#[test]
fn readers_keep_up_with_the_appender_without_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = EventStore::open_with(dir.path(), SMALL_FILE).unwrap();
    let reader = store.reader();
    std::thread::scope(|threads| {
        let readers = [0; 2].map(|_| {
            let reader = reader.clone();
            threads.spawn(move || {
                let (mut next, mut read) = (EventPosition::default(), Vec::new());
                while read.len() < 100 {
                    let promised = reader.position();
                    let rows = reader.read(next, 7).unwrap();
                    read.extend(rows.iter().map(|row| row.position.index));
                    next = rows.last().map_or(next, |row| row.position.next());
                    assert!(rows.len() == 7 || next.index >= promised, "a covered event was not there");
                }
                read
            })
        });
        for index in 1..=100 {
            store.append(&[big(index)], index).unwrap();
        }
        for reader in readers {
            assert_eq!(reader.join().unwrap(), (1..=100).collect::<Vec<u64>>());
        }
    });
    assert!(store.files().len() > 4);
    assert_eq!(store.verify().unwrap().rows, 100);
}

fn damage(path: &Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    assert!(connection.execute(sql, []).unwrap() > 0);
    connection.close().unwrap();
}

#[test]
fn a_changed_row_is_an_error_and_never_an_event() {
    let changes = [
        "UPDATE events SET body = x'00' WHERE idx = 3",
        "UPDATE events SET stream = x'73' WHERE idx = 3",
        "UPDATE events SET seq = 4000 WHERE idx = 3",
        "UPDATE events SET n = 4 WHERE idx = 3",
        "UPDATE events SET crc = crc + 1 WHERE idx = 3",
    ];
    for change in changes {
        let dir = tempfile::tempdir().unwrap();
        drop(store_of_several_files(dir.path(), 5));
        damage(&file::path(dir.path(), 1), change);
        let store = EventStore::open(dir.path()).unwrap();
        let is_damage = |result| matches!(result, Err(EventStoreError::Damaged { .. }));
        assert!(is_damage(store.read(EventPosition::default(), 10)), "{change}");
        assert!(is_damage(store.verify().map(|_| vec![])), "{change}");
        assert_eq!(store.read(at(4, 0), 10).unwrap(), [big(4), big(5)], "{change}");
    }
}

#[test]
fn what_opening_can_see_it_refuses() {
    let check = |damage_dir: &dyn Fn(&Path, &[EventFile]), expected: &str| {
        let dir = tempfile::tempdir().unwrap();
        let store = store_of_several_files(dir.path(), 40);
        let files = store.files();
        drop(store);
        damage_dir(dir.path(), &files);
        let failure = EventStore::open(dir.path()).err().expect(expected).to_string();
        assert!(failure.contains(expected), "{failure}");
    };
    check(&|_, files| fs::remove_file(&files[1].path).unwrap(), "the next file begins at");
    check(
        &|_, files| fs::remove_file(disk::with_suffix(&files[0].path, ".closed")).unwrap(),
        "yet not closed",
    );
    check(&|_, files| fs::write(disk::with_suffix(&files[0].path, ".closed"), "?").unwrap(), "unreadable");
    check(&|_, files| damage(&files.last().unwrap().path, "UPDATE file SET through = 1000"), "header fails");
    check(&|_, files| damage(&files.last().unwrap().path, "UPDATE file SET first = 1"), "header fails");
    check(&|_, files| fs::write(&files.last().unwrap().path, vec![9; 8_192]).unwrap(), "damaged");
}

#[test]
fn a_flipped_bit_in_a_closed_file_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = store_of_several_files(dir.path(), 20).files()[0].path.clone();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    let store = EventStore::open(dir.path()).unwrap();
    assert!(store.verify().unwrap_err().to_string().contains("its hash is"));
    assert!(matches!(
        store.read(EventPosition::default(), 100),
        Err(EventStoreError::Damaged { .. } | EventStoreError::Storage(_))
    ));
}

#[test]
fn a_second_appender_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _store = EventStore::open(dir.path()).unwrap();
    let second = EventStore::open(dir.path()).err().unwrap();
    assert!(matches!(second, EventStoreError::Storage(StorageError::InUse { .. })));
}

#[test]
fn a_crash_while_closing_a_file_is_finished_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_of_several_files(dir.path(), 20);
    let files = store.files();
    drop(store);
    // As if the process had ended before the summary of the last closed file was there.
    let [.., unclosed, open] = &files[..] else { panic!("too few files") };
    fs::remove_file(&open.path).unwrap();
    fs::remove_file(disk::with_suffix(&unclosed.path, ".closed")).unwrap();
    let _ = fs::write(unclosed.path.parent().unwrap().join("events-1.db.closed.1-1.tmp"), "half");
    let through = unclosed.through;
    let store = store_of_several_files(dir.path(), 30);
    assert_eq!(all(&store), (1..=30).map(big).collect::<Vec<_>>());
    assert_eq!(store.verify().unwrap().rows, 30);
    assert!(store.files().iter().any(|file| file.through == through && file.hash.is_some()));
    assert!(
        !fs::read_dir(dir.path()).unwrap().any(|e| e
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with(".tmp"))
    );
}

const CHILD_DIR: &str = "GEARIFY_EVENTS_TEST_DIR";

/// The test runs itself as a process that appends and says so, and is killed while it does.
#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    if let Ok(dir) = std::env::var(CHILD_DIR) {
        let mut store = EventStore::open_with(Path::new(&dir), SMALL_FILE).unwrap();
        loop {
            let index = store.position() + 1;
            store.append(&[big(index)], index).unwrap();
            writeln!(std::io::stdout(), "acknowledged {index}").unwrap();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for acknowledgements in [1, 14, 25, 40] {
        let test = "events::tests::what_was_acknowledged_survives_a_kill_at_any_moment";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let said =
            lines.filter_map(|line| line.strip_prefix("acknowledged ").and_then(|n| n.parse::<u64>().ok()));
        acknowledged = said.take(acknowledgements).last().expect("the child appends");
        child.kill().unwrap();
        child.wait().unwrap();
        let store = EventStore::open_with(dir.path(), SMALL_FILE).unwrap();
        assert!(store.position() >= acknowledged);
        assert_eq!(all(&store), (1..=store.position()).map(big).collect::<Vec<_>>());
        assert_eq!(store.verify().unwrap().rows, store.position());
    }
    assert!(acknowledged >= 80);
}

#[test]
fn a_new_node_adopts_closed_files_and_goes_on() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let giver = store_of_several_files(from.path(), 40);
    let files = giver.files();
    let closed: Vec<(&Path, ContentHash)> =
        files.iter().filter_map(|file| Some((file.path.as_path(), file.hash?))).collect();
    let mut taker = EventStore::open_with(to.path(), SMALL_FILE).unwrap();
    let wrong = taker.adopt(closed[0].0, closed[1].1).unwrap_err();
    assert!(wrong.to_string().contains("its hash is"));
    for (n, (path, hash)) in closed.iter().enumerate() {
        taker.adopt(path, *hash).unwrap();
        assert_eq!(taker.position(), files[n].through);
        let again = taker.adopt(path, *hash).unwrap_err();
        assert!(matches!(again, EventStoreError::DoesNotContinue { .. }));
    }
    let rest = giver.read(at(taker.position() + 1, 0), usize::MAX).unwrap();
    taker.append(&rest, giver.position()).unwrap();
    assert_eq!(all(&taker), all(&giver));
    assert_eq!(taker.verify().unwrap(), giver.verify().unwrap());
    let refused = taker.adopt(closed[0].0, closed[0].1).unwrap_err();
    assert!(matches!(refused, EventStoreError::DoesNotContinue { .. }));
    drop(taker);
    assert_eq!(all(&EventStore::open(to.path()).unwrap()), all(&giver));
}

#[test]
fn a_store_without_history_may_begin_late() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = store_of_several_files(from.path(), 40).files();
    let mut taker = EventStore::open(to.path()).unwrap();
    taker.adopt(&files[1].path, files[1].hash.unwrap()).unwrap();
    let skipping = taker.adopt(&files[0].path, files[0].hash.unwrap()).unwrap_err();
    assert!(matches!(skipping, EventStoreError::DoesNotContinue { .. }));
    drop(taker);
    let taker = EventStore::open(to.path()).unwrap();
    assert_eq!(taker.position(), files[1].through);
    assert_eq!(all(&taker).first().unwrap().position.index, files[1].first);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Appends of any cut, repeated or overlapping, with files of any size, hold the same history.
    #[test]
    fn the_history_does_not_depend_on_how_it_was_cut(
        entries in vec(vec((0..3u8, 0..3_000usize), 0..4), 1..30),
        cuts in vec(1..6usize, 1..30),
        file_bytes_max in 1..60_000u64,
    ) {
        let mut seqs = [0u64; 3];
        let mut rows = Vec::new();
        for (index, events) in (1u64..).zip(&entries) {
            for (n, (stream, length)) in (0u32..).zip(events) {
                seqs[*stream as usize] += 1;
                let stream_key = if *stream == 0 { String::new() } else { format!("s{stream}") };
                rows.push(row(index, n, &stream_key, seqs[*stream as usize], vec![*stream; *length]));
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let mut store = EventStore::open_with(dir.path(), file_bytes_max).unwrap();
        let mut through = 0;
        for cut in cuts.iter().cycle() {
            through = (through + *cut as u64).min(entries.len() as u64);
            let upto = rows.partition_point(|row| row.position.index <= through);
            let from = rows.partition_point(|row| row.position.index <= store.position().saturating_sub(2));
            store.append(&rows[from..upto], through).unwrap();
            if *cut == 5 {
                drop(store);
                store = EventStore::open_with(dir.path(), file_bytes_max).unwrap();
            }
            if through == entries.len() as u64 { break }
        }
        prop_assert_eq!(all(&store), rows.clone());
        for stream in ["s1", "s2"] {
            let expected: Vec<_> = rows.iter().filter(|row| row.stream == stream.as_bytes()).cloned().collect();
            prop_assert_eq!(store.read_stream(stream.as_bytes(), 0, usize::MAX).unwrap(), expected);
        }
        prop_assert_eq!(store.verify().unwrap().rows, rows.len() as u64);
    }
}

#[test]
fn a_damaged_file_or_that_of_another_history_is_set_aside_and_a_whole_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let open = |place: &Path, name: &str| EventStore::open_or_set_aside(place, 10 << 20, name).unwrap();
    for (place, name, last) in [(&one, "one", 30), (&other, "other", 20)] {
        std::fs::create_dir_all(place).unwrap();
        // As an earlier program left it: without a name.
        assert_eq!(store_of_one_file(place, last), last);
        let (store, reason) = open(place, name);
        assert_eq!((store.position(), reason), (last, None));
        assert_eq!(all(&store).len() as u64, last);
    }
    assert_eq!(open(&one, "one").1, None);

    let file = file::path(&one, 1);
    std::fs::copy(file::path(&other, 1), &file).unwrap();
    let (store, reason) = open(&one, "one");
    assert!(reason.is_some_and(|reason| reason.contains("it is of the history of other")));
    assert_eq!(store.position(), 0);
    drop(store);

    let file = file::path(&other, 1);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let (store, reason) = open(&other, "other");
    assert!(reason.is_some_and(|reason| reason.contains("damaged")));
    assert_eq!(store.position(), 0);
    drop(store);

    // The journal of another history beside a whole file: what it says of its end is not this one's.
    let (mut store, _) = open(&one, "one");
    store.append(&[big(1)], 1).unwrap();
    let (mut strange, _) = open(&other, "other");
    strange.append(&[big(1), big(2)], 2).unwrap();
    let journal = std::fs::read(disk::with_suffix(&file::path(&other, 1), "-wal")).unwrap();
    let kept = std::fs::read(file::path(&one, 1)).unwrap();
    drop((store, strange));
    std::fs::write(file::path(&one, 1), kept).unwrap();
    std::fs::write(disk::with_suffix(&file::path(&one, 1), "-wal"), journal).unwrap();
    let (mut store, reason) = open(&one, "one");
    assert!(reason.is_some(), "it was believed up to {}", store.position());
    assert_eq!(store.position(), 0);
    // It begins anew.
    store.append(&[big(1)], 1).unwrap();
    assert_eq!(all(&store).len(), 1);
}

/// One file with the entries `1..=last`, closed with its journal in it.
fn store_of_one_file(dir: &Path, last: u64) -> u64 {
    let mut store = EventStore::open_with(dir, 10 << 20).unwrap();
    for index in 1..=last {
        store.append(&[big(index)], index).unwrap();
    }
    store.position()
}
