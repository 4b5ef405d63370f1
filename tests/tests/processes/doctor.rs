//! The doctor finds what is wrong with a stopped node's files: each thing it says it looks at is damaged on a
//! copy of a sound directory, and it says so in a line of its own and ends with a failure.

use crate::buyers::Attempt;
use crate::pictures::{Uploaded, upload};
use crate::rebuilds::{doctor, purging};
use gearify_commerce::ids::IdSource;
use gearify_commerce::inventory::LEVELS;
use gearify_commerce::{Actor, GroupKind, Scope, Site, StockItemId, TenantId, Timestamp};
use gearify_node::state::{GroupState, group_name};
use gearify_search::{Change, Document, SearchIndexes, SearchOptions};
use gearify_storage::{Engine, SledOptions, Tx};
use gearify_tests::Cluster;
use gearify_tests::files::{self, copy};
use gearify_tests::shop::Premises;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// What a damage needs to know of the shop.
struct Sound {
    tenant: TenantId,
    item: StockItemId,
    warehouse: gearify_commerce::WarehouseId,
    picture: Uploaded,
}

/// A directory with something of everything, a snapshot too, and all of it well.
fn sound_directory(premises: &Premises) -> Sound {
    let (mut files, mut market) = premises.open_shop();
    for sku in ["BALL", "BAT", "GRIP"] {
        market.product(&mut files, sku, 2_490);
        market.stock(&mut files, sku, 0, 100);
    }
    files.stop();
    let node = premises.start();
    let host = premises.host(&node);
    let picture = premises.runtime.block_on(async {
        for number in 0..3 {
            let attempt =
                Attempt::prepare(&host, "BALL", number, "tok_ok").await.expect("a cart is prepared");
            attempt.place().await.expect("the node answers").expect(201);
        }
        upload(&host, 1).await
    });
    node.stop();
    let files = Cluster::at_with(&premises.data(), purging());
    files.purge();
    files.stop();
    let item = gearify_commerce::catalog::Variant::own_stock_item(market.variants["BALL"]);
    Sound { tenant: market.tenant, item, warehouse: market.warehouses[0], picture }
}

/// The only file below `dir` whose name ends so and which holds something; the largest, where there are several.
fn file(dir: &Path, ending: &str) -> PathBuf {
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    let all = files::all(dir).into_iter().filter(|path| path.to_string_lossy().ends_with(ending));
    all.max_by_key(size).unwrap_or_else(|| panic!("no …{ending} below {}", dir.display()))
}

/// Turns a byte in the middle of a file over.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).expect("the file is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(path, bytes).expect("the file can be written");
}

/// Changes rows of a SQLite file as no program of ours does.
fn sql(path: &Path, statement: &str) {
    let db = Connection::open(path).expect("the file opens");
    let changed = db.execute(statement, []).expect("the statement is run");
    assert!(changed > 0, "{statement} changes something");
}

fn change_index(data: &Path, sound: &Sound, change: impl FnOnce(&SearchIndexes, &str)) {
    let indexes = SearchIndexes::open(data.join("projections/search"), SearchOptions::default());
    change(&indexes.expect("the index opens"), &sound.tenant.to_string());
}

fn feed(data: &Path, sound: &Sound, one: Change) {
    change_index(data, sound, |indexes, tenant| {
        let position = indexes.position(tenant).expect("the index opens");
        indexes.apply(tenant, vec![one], position).expect("it takes a change");
    });
}

fn allocate_one_more(data: &Path, sound: &Sound) {
    let dir = data.join("groups").join(group_name(GroupKind::Region));
    let opened = GroupState::open(GroupKind::Region, &dir, SledOptions { cache_bytes: 8 << 20 });
    let (state, _) = opened.expect("the state opens");
    let engine = state.engine();
    let (mut tx, at) = (Tx::new(&*engine), Timestamp::from_millis(1));
    let (mut ids, mut events) = (IdSource::new(at, 1), Vec::new());
    let mut scope =
        Scope::new(&mut tx, (sound.tenant, Site::FIRST), at, Actor::System, &mut ids, &mut events);
    let key = (sound.item, sound.warehouse);
    let mut level = LEVELS.get(&scope, &key).expect("it has a level");
    level.allocated += 1;
    LEVELS.put(&mut scope, &key, &level);
    engine.commit(tx.into_batch().expect("a batch")).expect("it is written");
    engine.engine().flush().expect("it is written out");
}

type Damage = fn(&Path, &Sound);

/// What is done to the directory, the check that tells of it, and words of its line.
const DAMAGES: [(&str, Damage, &str, &str); 9] = [
    (
        "a state whose files are rubbish",
        |data, _| {
            std::fs::write(file(&data.join("groups/region-0"), "/db"), vec![7; 9_000]).expect("written")
        },
        "mended state of region-0",
        "is made again",
    ),
    (
        "an event that is another",
        |data, _| {
            let path = file(&data.join("events/region-0"), ".db");
            sql(
                &path,
                "UPDATE events SET body = zeroblob(length(body)) WHERE row = (SELECT max(row) FROM events)",
            );
        },
        "mended history of region-0",
        "is made again",
    ),
    (
        "an index file with a byte turned over",
        |data, _| flip(&file(&data.join("projections/search"), ".store")),
        "mended search index of ",
        "check sum",
    ),
    (
        "a document with other words",
        |data, sound| {
            let catalogue = Document {
                number: 1,
                id: "product_x".into(),
                name: [("en-GB".to_owned(), "Ball of another make".to_owned())].into(),
                ..Document::default()
            };
            feed(data, sound, Change::put(catalogue));
        },
        "search index",
        "1 not as the catalogue has them",
    ),
    (
        "a document that is missing",
        |data, sound| feed(data, sound, Change::Delete(2)),
        "search index",
        "is missing",
    ),
    (
        "a document of nothing",
        |data, sound| {
            let stray = Document {
                number: 99,
                id: "product_y".into(),
                name: [("en-GB".to_owned(), "Nothing".to_owned())].into(),
                ..Document::default()
            };
            feed(data, sound, Change::put(stray));
        },
        "search index",
        "product 99 of",
    ),
    ("stock that nobody ordered", allocate_one_more, "shops", "1 do not add up"),
    (
        "a picture with a byte turned over",
        |data, sound| flip(&sound.picture.file_in(data)),
        "pictures",
        "1 damaged",
    ),
    (
        "a picture that is gone",
        |data, sound| std::fs::remove_file(sound.picture.file_in(data)).expect("it was there"),
        "pictures",
        "1 missing",
    ),
];

#[test]
fn the_doctor_finds_whatever_is_damaged_and_ends_with_a_failure() {
    let premises = Premises::new();
    let sound = sound_directory(&premises);
    let data = premises.data();
    let (well, findings) = doctor(&data, &["--audit"]);
    assert!(well, "{findings:#?}");
    for (what, damage, check, words) in DAMAGES {
        let place = data.with_file_name("damaged");
        copy(&data, &place);
        damage(&place, &sound);
        let (well, findings) = doctor(&place, &["--audit"]);
        assert!(!well, "{what} ends with a failure: {findings:#?}");
        let told = findings.iter().filter(|(name, _)| name.starts_with(check));
        let is_told = told.clone().any(|(_, (ok, detail))| !ok && detail.contains(words));
        assert!(is_told, "{what} is told under {check:?}: {findings:#?}");
        // What was mended, or can be, is well the next time.
        if check.starts_with("mended") {
            let (well, findings) = doctor(&place, &["--audit"]);
            assert!(well, "{what} was mended: {findings:#?}");
        }
        if check == "search index" {
            doctor(&place, &["--rebuild"]);
            let (well, findings) = doctor(&place, &["--audit"]);
            assert!(well, "{what} was made again: {findings:#?}");
        }
        std::fs::remove_dir_all(&place).expect("the copy can be removed");
    }
}
