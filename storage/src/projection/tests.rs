//! Projections: what counts once, what is damage, and who waits for whom.

use super::*;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

const SCHEMA: Schema = Schema { version: 1, sql: "CREATE TABLE sold (sku TEXT PRIMARY KEY, units INTEGER)" };

fn sell(projection: &ProjectionDb, to: EventPosition) -> Result<(), ProjectionError> {
    projection.transact("sold", to, |tx| {
        let sql = "INSERT INTO sold VALUES ('BAT', 1) ON CONFLICT DO UPDATE SET units = units + 1";
        Ok(tx.execute(sql, []).map(|_| ())?)
    })
}

fn units(projection: &ProjectionDb) -> i64 {
    let sum = "SELECT coalesce(sum(units), 0) FROM sold";
    projection.read(|db| Ok::<i64, ProjectionError>(db.query_row(sum, [], |row| row.get(0))?)).unwrap()
}

#[test]
fn an_event_counts_once_however_often_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sold.db");
    let projection = ProjectionDb::open(&path, SCHEMA).unwrap();
    assert_eq!(projection.position("sold").unwrap(), None);
    sell(&projection, EventPosition::new(3, 0)).unwrap();
    sell(&projection, EventPosition::new(3, 1)).unwrap();
    drop(projection);
    let projection = ProjectionDb::open(&path, SCHEMA).unwrap();
    for again in [EventPosition::new(3, 1), EventPosition::new(2, 7)] {
        let refusal = sell(&projection, again).unwrap_err();
        assert!(
            matches!(refusal, ProjectionError::NotAhead { stored, .. } if stored == EventPosition::new(3, 1))
        );
    }
    assert_eq!(units(&projection), 2);
    assert_eq!(projection.position("sold").unwrap(), Some(EventPosition::new(3, 1)));
    assert_eq!(projection.position("another").unwrap(), None);
}

#[test]
fn a_failed_effect_moves_neither_table_nor_position() {
    let dir = tempfile::tempdir().unwrap();
    let projection = ProjectionDb::open(&dir.path().join("sold.db"), SCHEMA).unwrap();
    let failed = projection.transact("sold", EventPosition::new(1, 0), |tx| {
        tx.execute("INSERT INTO sold VALUES ('BAT', 1)", [])?;
        tx.execute("INSERT INTO nowhere VALUES (1)", [])?;
        Ok::<(), ProjectionError>(())
    });
    assert!(failed.is_err());
    assert_eq!((units(&projection), projection.position("sold").unwrap()), (0, None));
    sell(&projection, EventPosition::new(1, 0)).unwrap();
    assert_eq!(units(&projection), 1);
}

#[test]
fn readers_cannot_write_and_see_one_state() {
    let dir = tempfile::tempdir().unwrap();
    let projection = ProjectionDb::open(&dir.path().join("sold.db"), SCHEMA).unwrap();
    let written = projection.read(|db| Ok::<_, ProjectionError>(db.execute("DELETE FROM sold", [])?));
    assert!(written.is_err());
    projection
        .read(|db| {
            let count = || db.query_row("SELECT count(*) FROM sold", [], |row| row.get::<_, i64>(0));
            let before = count()?;
            sell(&projection, EventPosition::new(1, 0))?;
            assert_eq!(count()?, before);
            Ok::<(), ProjectionError>(())
        })
        .unwrap();
    assert_eq!(units(&projection), 1);
}

#[test]
fn a_copy_is_a_file_of_its_own_and_of_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let projection = ProjectionDb::open(&dir.path().join("sold.db"), SCHEMA).unwrap();
    sell(&projection, EventPosition::new(1, 0)).unwrap();
    let copy = dir.path().join("copy.db");
    projection.copy_to(&copy).unwrap();
    sell(&projection, EventPosition::new(2, 0)).unwrap();
    assert!(projection.copy_to(&copy).is_err(), "a copy is not written over");
    assert_eq!((units(&ProjectionDb::open(&copy, SCHEMA).unwrap()), units(&projection)), (1, 2));
}

#[test]
fn more_readers_than_connections_wait_their_turn() {
    let dir = tempfile::tempdir().unwrap();
    let projection = ProjectionDb::open(&dir.path().join("sold.db"), SCHEMA).unwrap();
    let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let together = Barrier::new(READERS_MAX * 3);
    std::thread::scope(|threads| {
        for _ in 0..READERS_MAX * 3 {
            threads.spawn(|| {
                together.wait();
                let read = |_: &Connection| {
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(20));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    Ok::<(), ProjectionError>(())
                };
                projection.read(read).unwrap();
            });
        }
    });
    assert!((2..=READERS_MAX).contains(&most.load(Ordering::SeqCst)));
    // A reader that panics gives its connection back too.
    for _ in 0..READERS_MAX + 1 {
        let panics = std::panic::AssertUnwindSafe(|| {
            projection.read::<(), ProjectionError>(|_| panic!("a reader went wrong"))
        });
        assert!(std::panic::catch_unwind(panics).is_err());
    }
    assert_eq!(units(&projection), 0);
}

/// A closed file with a thousand articles, and what stands in it.
fn stocked(path: &Path) -> Vec<(String, i64)> {
    let projection = ProjectionDb::open(path, SCHEMA).unwrap();
    for n in 0..1_000 {
        let stock = |tx: &Transaction<'_>| {
            let sql = "INSERT INTO sold VALUES (?1, ?2)";
            Ok::<_, ProjectionError>(tx.execute(sql, params![format!("article {n}"), n as i64]).map(|_| ())?)
        };
        projection.transact("sold", EventPosition::new(n + 1, 0), stock).unwrap();
    }
    contents(&projection)
}

fn contents(projection: &ProjectionDb) -> Vec<(String, i64)> {
    let read = |db: &Connection| {
        let mut statement = db.prepare("SELECT sku, units FROM sold ORDER BY sku")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok::<_, ProjectionError>(rows.collect::<Result<_, _>>()?)
    };
    projection.read(read).unwrap()
}

#[test]
fn a_flipped_bit_anywhere_in_the_file_is_damage_or_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sold.db");
    let whole = stocked(&path);
    let bytes = fs::read(&path).unwrap();
    let mut damaged = 0;
    // A number that has nothing in common with the size of a page or a row.
    for at in (0..100).chain((100..bytes.len()).step_by(89)) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 1 << (at % 8);
        ProjectionDb::remove(&path).unwrap();
        fs::write(&path, spoilt).unwrap();
        match ProjectionDb::open(&path, SCHEMA) {
            Ok(projection) => {
                assert_eq!(contents(&projection), whole, "byte {at}");
                assert_eq!(projection.position("sold").unwrap(), Some(EventPosition::new(1_000, 0)));
                let next = EventPosition::new(1_001, 0);
                sell(&projection, next).unwrap_or_else(|error| panic!("byte {at}: {error}"));
            }
            Err(ProjectionError::Damaged { .. } | ProjectionError::OtherVersion { .. }) => damaged += 1,
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    assert!(damaged > bytes.len() / 89 / 2, "only {damaged} flipped bits were noticed");
}

#[test]
fn rows_that_no_transaction_changed_do_not_add_up() {
    let dir = tempfile::tempdir().unwrap();
    for edit in [
        "UPDATE sold SET units = units + 1 WHERE sku = 'article 7'",
        "DELETE FROM sold WHERE sku = 'article 7'",
        "INSERT INTO sold VALUES ('article 1000', 1)",
        "UPDATE position SET log_index = 999",
        "UPDATE sums SET sum = sum + 1 WHERE name = 'sold'",
        "UPDATE sums SET number = number + 10",
        "DROP TRIGGER \"sold INSERT\"",
    ] {
        let path = dir.path().join("sold.db");
        ProjectionDb::remove(&path).unwrap();
        stocked(&path);
        let by_hand = Connection::open(&path).unwrap();
        let nothing = |_: &rusqlite::functions::Context<'_>| Ok(0);
        let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8;
        by_hand.create_scalar_function("tally", -1, flags, nothing).unwrap();
        by_hand.execute(edit, []).unwrap();
        drop(by_hand);
        let opened = ProjectionDb::open(&path, SCHEMA);
        assert!(matches!(opened, Err(ProjectionError::Damaged { .. })), "{edit}");
    }
}

#[test]
fn rows_add_up_however_they_were_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sold.db");
    stocked(&path);
    let projection = ProjectionDb::open(&path, SCHEMA).unwrap();
    for (n, change) in [
        "INSERT OR REPLACE INTO sold VALUES ('article 7', 70)",
        "INSERT OR IGNORE INTO sold VALUES ('article 7', 71)",
        "INSERT INTO sold VALUES ('article 8', 1) ON CONFLICT DO UPDATE SET units = units + 1",
        "UPDATE sold SET sku = 'another' WHERE sku = 'article 9'",
        "DELETE FROM sold WHERE units > 900",
        "INSERT INTO sold VALUES ('much', 9223372036854775807), ('nothing', NULL)",
        "DELETE FROM sold",
    ]
    .into_iter()
    .enumerate()
    {
        let run = |tx: &Transaction<'_>| Ok::<_, ProjectionError>(tx.execute(change, []).map(|_| ())?);
        projection.transact("sold", EventPosition::new(2_000 + n as u64, 0), run).unwrap();
        assert_eq!(projection.verify().unwrap(), None, "{change}");
        let undone = projection.transact("sold", EventPosition::new(3_000, 0), |tx| {
            tx.execute("INSERT INTO sold VALUES ('undone', 1)", [])?;
            tx.execute("INSERT INTO nowhere VALUES (1)", [])?;
            Ok::<(), ProjectionError>(())
        });
        assert!(undone.is_err());
        assert_eq!(projection.verify().unwrap(), None, "after one that was undone");
    }
}

#[test]
fn a_large_file_is_looked_through_beside_its_use_and_begun_anew_once_damage_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sold.db");
    let projection = ProjectionDb::open(&path, SCHEMA).unwrap();
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
                INSERT INTO sold SELECT printf('article %0100d', i), i FROM n";
    let filled = |tx: &Transaction<'_>| Ok::<_, ProjectionError>(tx.execute(fill, []).map(drop)?);
    projection.transact("sold", EventPosition::new(1, 0), filled).unwrap();
    drop(projection);
    assert!(fs::metadata(&path).unwrap().len() > LOOKED_AT_BYTES_MAX);
    let looked = |path: &Path| {
        let projection = Arc::new(ProjectionDb::open(path, SCHEMA).unwrap());
        let (say, said) = std::sync::mpsc::sync_channel(1);
        projection.look_through(move |what| say.send(what.to_owned()).unwrap()).unwrap();
        said.recv().ok()
    };
    assert_eq!(looked(&path), None, "every row adds up");

    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.windows(12).rposition(|text| text == b"article 0000").expect("a row");
    bytes[place + 100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let what = looked(&path).expect("damage");
    assert!(what.contains("sold.db is damaged") && what.contains("made again at the next start"), "{what}");
    let (projection, reason) = ProjectionDb::open_or_rebuild(&path, SCHEMA).unwrap();
    assert!(matches!(reason, Some(ProjectionError::Damaged { .. })), "{reason:?}");
    assert_eq!(projection.position("sold").unwrap(), None);
    drop(projection);
    assert!(ProjectionDb::open_or_rebuild(&path, SCHEMA).unwrap().1.is_none(), "once is enough");
}

#[test]
fn another_schema_or_a_damaged_file_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sold.db");
    sell(&ProjectionDb::open(&path, SCHEMA).unwrap(), EventPosition::new(1, 0)).unwrap();
    let next = Schema { version: 2, ..SCHEMA };
    let refusal = ProjectionDb::open(&path, next).err().unwrap();
    assert!(matches!(refusal, ProjectionError::OtherVersion { found: 1, expected: 2, .. }));
    let (projection, reason) = ProjectionDb::open_or_rebuild(&path, next).unwrap();
    assert!(matches!(reason, Some(ProjectionError::OtherVersion { .. })));
    assert_eq!((units(&projection), projection.position("sold").unwrap()), (0, None));
    drop(projection);
    assert!(ProjectionDb::open_or_rebuild(&path, next).unwrap().1.is_none());
    fs::write(&path, vec![7; 4_096]).unwrap();
    assert!(matches!(ProjectionDb::open(&path, next), Err(ProjectionError::Damaged { .. })));
    let (_, reason) = ProjectionDb::open_or_rebuild(&path, next).unwrap();
    assert!(matches!(reason, Some(ProjectionError::Damaged { .. })));
}
