//! Stories of the index itself: positions, restarts, damage, rebuilding, many shops.

use std::fs;
use std::path::{Path, PathBuf};

use crate::range::{PRODUCTS, SHOP, Shop, filtered, ids, pounds, range, texts};
use gearify_search::{
    AttributeValue, Change, Digest, Document, Health, Price, Query, SearchError, SearchIndexes,
    SearchOptions, Sort,
};

#[test]
fn a_new_shop_starts_empty_at_position_zero() {
    let shop = Shop::empty();
    assert_eq!(shop.indexes.position(SHOP).expect("opens"), 0);
    assert_eq!(shop.health(), Health::New);
    let answer = shop.find("bat");
    assert_eq!((answer.total.value, answer.position), (0, 0));
}

#[test]
fn a_restart_keeps_position_and_answers() {
    let shop = Shop::open();
    let queries = [
        pounds(),
        Query { text: Some("helmat".to_owned()), ..pounds() },
        Query { sort: Sort::Name, ..filtered(&[("attr.weight", &["1100..1200"])]) },
        Query { category: Some("balls".to_owned()), sort: Sort::Newest, ..pounds() },
    ];
    let before: Vec<_> = queries.iter().map(|query| shop.ask(query)).collect();
    let shop = shop.reopen();
    assert_eq!(shop.indexes.position(SHOP).expect("opens"), 10);
    assert_eq!(shop.health(), Health::Ready);
    shop.load_columns();
    for (query, before) in queries.iter().zip(before) {
        assert_eq!(shop.ask(query), before);
    }
}

#[test]
fn positions_only_go_forward_and_a_repeated_batch_changes_nothing() {
    let shop = Shop::open();
    let before = shop.ask(&pounds());
    let error = shop.indexes.apply(SHOP, vec![Change::Delete(1)], 9).expect_err("is behind");
    assert!(matches!(error, SearchError::PositionWentBack { current: 10, given: 9 }));
    shop.put(range(), 10);
    assert_eq!(shop.ask(&pounds()), before);
    shop.indexes.apply(SHOP, Vec::new(), 15).expect("only moves on");
    assert_eq!(shop.reopen().indexes.position(SHOP).expect("opens"), 15);
}

#[test]
fn the_last_change_of_a_product_in_a_batch_counts() {
    let shop = Shop::open();
    let mut renamed = PRODUCTS[0].document();
    renamed.name = texts(&[("en-GB", "Crease Vintage bat")]);
    let changes = vec![
        Change::Delete(1),
        Change::put(PRODUCTS[0].document()),
        Change::put(renamed),
        Change::put(PRODUCTS[8].document()),
        Change::Delete(9),
    ];
    shop.indexes.apply(SHOP, changes, 11).expect("applies");
    let check = |shop: &Shop| {
        assert_eq!(shop.ids("vintage"), ["bat-classic"]);
        assert_eq!(shop.ids("classic"), Vec::<String>::new());
        assert_eq!(shop.ids("titanium"), Vec::<String>::new());
        assert_eq!(shop.ask(&pounds()).total.value, PRODUCTS.len() - 1);
    };
    check(&shop);
    check(&shop.reopen());
}

#[test]
fn a_document_that_cannot_be_indexed_refuses_its_whole_batch() {
    let shop = Shop::open();
    let good = PRODUCTS[0].document();
    let refused = |document: Document| {
        let changes = vec![Change::Delete(2), Change::put(document)];
        let error = shop.indexes.apply(SHOP, changes, 11).expect_err("is refused");
        assert!(!error.is_callers_fault());
        error.to_string()
    };
    assert_eq!(
        refused(Document { id: String::new(), ..good.clone() }),
        "document 1 cannot be indexed: it has no id"
    );
    assert!(refused(Document { name: texts(&[("en", " ")]), ..good.clone() }).ends_with("it has no name"));
    assert!(refused(Document { stored: vec![0; 64 * 1024 + 1], ..good.clone() }).ends_with("over 64 KiB"));
    assert!(refused(Document { number: 1 << 22, ..good.clone() }).starts_with("product number 4194304"));
    let long = vec![AttributeValue::Term("x".repeat(257))];
    assert!(refused(Document { attributes: [("a".to_owned(), long)].into(), ..good }).ends_with("256 bytes"));
    assert_eq!(shop.ask(&pounds()).total.value, PRODUCTS.len());
    assert_eq!(shop.indexes.position(SHOP).expect("opens"), 10);
}

fn index_dir(shop: &Shop) -> PathBuf {
    let home = shop.dir.path().join(SHOP);
    let current = fs::read_to_string(home.join("current")).expect("names the index");
    home.join(current)
}

fn flip_a_byte(file: &Path) {
    let mut bytes = fs::read(file).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(file, bytes).expect("writes");
}

fn a_file(dir: &Path, extension: &str) -> PathBuf {
    let files = fs::read_dir(dir).expect("lists").map(|entry| entry.expect("reads").path());
    let mut found: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|ext| ext == extension)).collect();
    found.sort();
    found.pop().expect("there is one")
}

#[test]
fn what_a_commit_left_that_broke_off_does_not_stop_the_next() {
    // A writer that is opened anew counts its commits from the last one that stands.
    let shop = Shop::open().reopen();
    let list = index_dir(&shop).join("meta.json");
    let before = fs::read(&list).expect("reads");
    shop.indexes.apply(SHOP, vec![Change::Delete(1)], 11).expect("applies");
    // Every file of the commit is there, the list that names them is not: so a full disk leaves it.
    fs::write(&list, before).expect("writes");
    let shop = shop.reopen();
    assert_eq!(shop.indexes.position(SHOP).expect("opens"), 10);
    shop.indexes.apply(SHOP, vec![Change::Delete(1)], 11).expect("the same files can be written again");
    shop.load_columns();
    assert_eq!(shop.ask(&pounds()).total.value, PRODUCTS.len() - 1);
}

#[test]
fn a_damaged_index_is_set_aside_and_can_be_fed_again() {
    type Damage = (&'static str, fn(&Path));
    let damage: [Damage; 7] = [
        ("a flipped byte in the store", |dir| flip_a_byte(&a_file(dir, "store"))),
        ("a flipped byte in the terms", |dir| flip_a_byte(&a_file(dir, "term"))),
        ("a cut file", |dir| fs::write(a_file(dir, "idx"), b"").expect("writes")),
        ("a lost file", |dir| fs::remove_file(a_file(dir, "fast")).expect("removes")),
        ("a lost list of segments", |dir| fs::remove_file(dir.join("meta.json")).expect("removes")),
        ("an unreadable list of segments", |dir| {
            fs::write(dir.join("meta.json"), b"{\"a\":").expect("writes")
        }),
        ("a lost directory", |dir| fs::remove_dir_all(dir).expect("removes")),
    ];
    for (what, damage) in damage {
        let shop = Shop::open();
        let before = shop.ask(&pounds());
        let dir = index_dir(&shop);
        let Shop { dir: root, indexes } = shop;
        drop(indexes);
        damage(&dir);
        let indexes = SearchIndexes::open(root.path(), SearchOptions::default()).expect("opens");
        let shop = Shop { dir: root, indexes };
        assert_eq!(shop.indexes.position(SHOP).expect(what), 0, "{what}");
        assert!(matches!(shop.health(), Health::NeedsRebuild { .. }), "{what}");
        assert_eq!(shop.ask(&pounds()).total.value, 0, "{what}");

        shop.indexes.rebuild(SHOP, range(), 10).expect(what);
        shop.load_columns();
        assert_eq!(shop.health(), Health::Ready, "{what}");
        assert_eq!(shop.ask(&pounds()), before, "{what}");
        assert_eq!(shop.reopen().indexes.position(SHOP).expect(what), 10, "{what}");
    }
}

#[test]
fn an_index_of_another_format_gives_its_place_to_a_new_one() {
    let mut shop = Shop::open();
    for round in 0..3 {
        let home = shop.dir.path().join(SHOP);
        let older = format!("v0-{round:06}");
        fs::rename(index_dir(&shop), home.join(&older)).expect("renames");
        fs::write(home.join("current"), &older).expect("writes");
        shop = shop.reopen();
        assert_eq!((shop.health(), shop.indexes.position(SHOP).expect("opens")), (Health::Outdated, 0));
        let left = fs::read_dir(&home)
            .expect("lists")
            .filter(|entry| entry.as_ref().expect("reads").path().is_dir());
        assert_eq!(left.count(), 1, "it is not damaged, and so it is not kept");
    }
    shop.put(range(), 4);
    assert_eq!(shop.ids("titanium"), ["helmet-ti"]);
}

#[test]
fn whatever_of_a_document_is_fed_shows_in_its_digest() {
    let shop = Shop::open();
    let fed: Vec<(u32, Digest)> =
        range().iter().map(|document| (document.number, document.digest())).collect();
    let told = |shop: &Shop| shop.indexes.digests(SHOP).expect("opens").into_iter().collect::<Vec<_>>();
    assert_eq!(told(&shop), fed);
    let shop = shop.reopen();
    assert_eq!(told(&shop), fed);
    let whole = PRODUCTS[0].document();
    let text = |text: &str| texts(&[("en-GB", text)]);
    let number = || vec![AttributeValue::Number { value: 1, unit: "g".to_owned() }];
    let others = [
        Document { id: "another".to_owned(), ..whole.clone() },
        Document { stored: vec![1], ..whole.clone() },
        Document { name: text("Another"), ..whole.clone() },
        Document { description: text("Another"), ..whole.clone() },
        Document { keywords: text("Another"), ..whole.clone() },
        Document { skus: vec!["ANOTHER".to_owned()], ..whole.clone() },
        Document { brand: Some("Another".to_owned()), ..whole.clone() },
        Document { categories: vec!["another".to_owned()], ..whole.clone() },
        Document { attributes: [("another".to_owned(), number())].into(), ..whole.clone() },
        Document { newest: 1, ..whole.clone() },
        Document { popularity: 1, ..whole.clone() },
    ];
    for (round, other) in others.into_iter().enumerate() {
        let digest = other.digest();
        assert_ne!(digest, whole.digest(), "{other:?}");
        shop.put(vec![other], 11 + round as u64);
        assert_eq!(told(&shop)[0], (whole.number, digest));
    }
}

#[test]
fn a_garbled_pointer_is_no_way_out_of_the_directory() {
    for garbage in ["", "../boundary", "v1-", "v1-../x", "/"] {
        let shop = Shop::open();
        fs::write(shop.dir.path().join(SHOP).join("current"), garbage).expect("writes");
        let shop = shop.reopen();
        assert!(matches!(shop.health(), Health::NeedsRebuild { .. }), "{garbage:?}");
        assert!(shop.dir.path().exists());
        shop.put(range(), 1);
        assert_eq!(shop.reopen().indexes.position(SHOP).expect("opens"), 1);
    }
}

#[test]
fn a_rebuild_replaces_everything_or_nothing() {
    let shop = Shop::open();
    let mut documents = range();
    documents.push(Document { number: 3, id: String::new(), ..PRODUCTS[2].document() });
    shop.indexes.rebuild(SHOP, documents, 20).expect_err("one has no id");
    assert_eq!(shop.ask(&pounds()).total.value, PRODUCTS.len());
    assert_eq!(shop.indexes.position(SHOP).expect("opens"), 10);

    let mut documents = vec![PRODUCTS[0].document(), PRODUCTS[1].document()];
    let mut again = PRODUCTS[1].document();
    again.name = texts(&[("en-GB", "Longstop Feather bat")]);
    documents.push(again);
    shop.indexes.rebuild(SHOP, documents, 5).expect("any position is taken");
    let check = |shop: &Shop| {
        assert_eq!(shop.indexes.position(SHOP).expect("opens"), 5);
        assert_eq!(shop.ids("feather"), ["bat-lite"]);
        assert_eq!(shop.ids("lite "), Vec::<String>::new());
        assert_eq!(shop.ask(&pounds()).total.value, 2);
    };
    check(&shop);
    shop.put(vec![PRODUCTS[7].document()], 6);
    assert_eq!(shop.ids("helmet"), ["helmet-steel"]);
    let home = shop.dir.path().join(SHOP);
    let dirs =
        fs::read_dir(home).expect("lists").filter(|entry| entry.as_ref().expect("reads").path().is_dir());
    assert_eq!(dirs.count(), 1, "the old one is gone");
}

#[test]
fn shops_share_nothing_but_the_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = SearchOptions { tenants_open_max: 2, ..SearchOptions::default() };
    let indexes = SearchIndexes::open(dir.path(), options).expect("opens");
    let shops = ["willow", "boundary", "maidan", "gully"];
    for (place, shop) in shops.iter().enumerate() {
        indexes
            .apply(shop, vec![Change::put(PRODUCTS[place].document())], place as u64 + 1)
            .expect("applies");
        let columns = indexes.columns(shop).expect("has columns");
        let number = PRODUCTS[place].number;
        columns.set_price(number, "GBP", Some(Price::flat(100 + place as i64))).expect("is a price");
    }
    // Only two are open at a time; closing one loses neither answers nor prices.
    for _ in 0..2 {
        for (place, shop) in shops.iter().enumerate() {
            let answer = indexes.search(shop, &pounds()).expect("answers");
            assert_eq!(ids(&answer), [PRODUCTS[place].id]);
            assert_eq!(answer.hits[0].price, Some(Price::flat(100 + place as i64)));
            assert_eq!(answer.position, place as u64 + 1);
        }
    }
    indexes.remove("maidan").expect("removes");
    assert!(!dir.path().join("maidan").exists());
    assert_eq!(indexes.search("maidan", &pounds()).expect("answers").total.value, 0);

    for name in ["", "..", "a/b", "Willow", "a.b", &"x".repeat(65), "बल्ला"] {
        assert!(matches!(indexes.position(name), Err(SearchError::Tenant { .. })), "{name:?}");
    }
}

#[test]
fn queries_and_changes_run_side_by_side() {
    let shop = Shop::open();
    let columns = shop.indexes.columns(SHOP).expect("has columns");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..15u64 {
                let name = format!("Crease Classic {round} bat");
                let mut document = PRODUCTS[0].document();
                document.name = texts(&[("en-GB", &name)]);
                shop.put(vec![document], 11 + round);
            }
        });
        scope.spawn(|| {
            for round in 0..20_000u32 {
                columns.set_availability(round % 12, round % 2 == 0, 0).expect("is a number");
                columns
                    .set_price(round % 6_000, "GBP", Some(Price::flat(i64::from(round))))
                    .expect("is a price");
            }
        });
        for _ in 0..300 {
            assert_eq!(shop.ids("crease classic"), ["bat-classic"]);
            let all = shop.ask(&Query { sort: Sort::PriceAsc, ..pounds() });
            assert_eq!(all.total.value, PRODUCTS.len());
        }
    });
    assert_eq!(shop.ids("classic 14"), ["bat-classic"]);
    assert_eq!(shop.indexes.position(SHOP).expect("opens"), 25);
}

#[test]
fn columns_refuse_what_they_cannot_hold() {
    let shop = Shop::empty();
    let columns = shop.indexes.columns(SHOP).expect("has columns");
    for currency in ["", "gbp", "GB", "POUND", "€€€"] {
        let refused = columns.set_price(1, currency, Some(Price::flat(1)));
        assert!(matches!(refused, Err(SearchError::Currency { .. })), "{currency:?}");
    }
    assert!(matches!(columns.set_availability(u32::MAX, true, 0), Err(SearchError::Number { .. })));
    assert!(matches!(columns.set_rating(1 << 22, None), Err(SearchError::Number { .. })));
    columns.remove(u32::MAX);
    assert_eq!(columns.availability(u32::MAX), (false, 0));
    columns.set_price(5, "GBP", Some(Price::flat(7))).expect("is a price");
    columns.set_availability(5, true, 2).expect("is a number");
    columns.remove(5);
    assert_eq!((columns.price(5, "GBP"), columns.availability(5)), (None, (false, 0)));
}
