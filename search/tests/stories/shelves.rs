//! Stories of browsing: filters, facets, orders and pages.

use crate::range::{PRODUCTS, SHOP, Shop, facet, filtered, ids, pounds, sorted, texts, told};
use gearify_search::{FacetKind, Price, Query, Relation, SearchError, Sort, Start, Total};

#[test]
fn facets_count_what_other_choices_leave() {
    let shop = Shop::open();
    let bats = Query { category: Some("bats".to_owned()), ..pounds() };

    let answer = shop.ask(&bats);
    assert_eq!(sorted(ids(&answer)), ["bat-classic", "bat-club", "bat-lite"]);
    assert_eq!(told(facet(&answer, "attr.grade")), "2 2, 1 1");
    assert_eq!(told(facet(&answer, "brand")), "Longstop 2, Crease & Co 1");
    assert_eq!(told(facet(&answer, "attr.weight_class")), "heavy 1, light 1, medium 1");

    // One grade chosen: other facets shrink, the grade facet still offers the other grade.
    let graded = Query { category: Some("bats".to_owned()), ..filtered(&[("attr.grade", &["2"])]) };
    let answer = shop.ask(&graded);
    assert_eq!(sorted(ids(&answer)), ["bat-club", "bat-lite"]);
    assert_eq!(told(facet(&answer, "attr.grade")), "*2 2, 1 1");
    assert_eq!(told(facet(&answer, "brand")), "Longstop 2");
    assert_eq!(told(facet(&answer, "in_stock")), "true 1, false 1");

    // Both grades: OR inside the key, AND with the brand.
    let both = filtered(&[("attr.grade", &["1", "2"]), ("brand", &["Crease & Co"])]);
    let answer = shop.ask(&both);
    assert_eq!(ids(&answer), ["bat-classic"]);
    assert_eq!(told(facet(&answer, "attr.grade")), "*1 1, *2 0");
    assert_eq!(told(facet(&answer, "brand")), "Longstop 2, *Crease & Co 1");
}

#[test]
fn categories_are_a_tree_and_stay_to_choose_from() {
    let shop = Shop::open();
    let gloves = Query { category: Some("gloves".to_owned()), ..pounds() };
    let tree = "balls 2, bats 3, bats/english-willow 2, bats/kashmir-willow 1, *gloves 2, gloves/batting 1, \
                gloves/keeping 1, helmets 2, kits 1, pads 2, pads/batting 1, pads/keeping 1";
    let answer = shop.ask(&gloves);
    assert_eq!(told(facet(&answer, "category")), tree);
    assert_eq!(facet(&answer, "category").kind, FacetKind::Tree);
    assert_eq!(shop.ask(&Query { category: Some("nowhere".to_owned()), ..pounds() }).total.value, 0);
}

#[test]
fn weights_are_a_range_over_all_variants() {
    let shop = Shop::open();
    let answer = shop.ask(&filtered(&[("attr.weight", &["..1180"])]));
    assert_eq!(sorted(ids(&answer)), ["bat-classic", "bat-lite"], "one variant within is enough");
    let weight = facet(&answer, "attr.weight");
    assert_eq!((weight.kind, weight.min, weight.max), (FacetKind::Range, Some(1120), Some(1250)));
    assert_eq!(weight.unit.as_deref(), Some("g"));
    assert_eq!(ids(&shop.ask(&filtered(&[("attr.weight", &["1250", "1190..1200"])]))).len(), 2);
    assert_eq!(ids(&shop.ask(&filtered(&[("attr.weight", &["1251.."])]))).len(), 0);
}

#[test]
fn prices_fall_into_round_buckets_that_do_not_move() {
    let shop = Shop::open();
    let answer = shop.ask(&pounds());
    let prices = facet(&answer, "price");
    assert_eq!((prices.min, prices.max), (Some(1_800), Some(32_000)));
    assert_eq!(
        told(prices),
        "1000..2000 1, 2000..3000 1, 3000..5000 3, 5000..10000 3, 10000..20000 2, 20000..30000 1, 30000..50000 1"
    );
    let dear = Query { price_min: Some(10_000), price_max: Some(19_999), ..pounds() };
    let answer = shop.ask(&dear);
    assert_eq!(sorted(ids(&answer)), ["helmet-ti", "kit-junior"]);
    assert!(told(facet(&answer, "price")).contains("5000..10000 3, *10000..20000 2"));
    assert_eq!(told(facet(&answer, "brand")), "Crease & Co 1, Longstop 1");
}

#[test]
fn a_new_price_reorders_the_next_answer_without_a_commit() {
    let shop = Shop::open();
    let cheapest = Query { text: Some("bat".to_owned()), sort: Sort::PriceAsc, ..pounds() };
    assert_eq!(ids(&shop.ask(&cheapest))[..2], ["gloves-batting", "pads-batting"]);

    let columns = shop.indexes.columns(SHOP).expect("has columns");
    let sale = Price { amount: 990, amount_max: 21_000, compare_at: Some(21_000) };
    columns.set_price(2, "GBP", Some(sale)).expect("is a price");
    let answer = shop.ask(&cheapest);
    assert_eq!(ids(&answer)[0], "bat-lite");
    assert_eq!(answer.hits[0].price, Some(sale));
    assert_eq!(answer.position, 10, "nothing was committed");

    columns.set_price(2, "GBP", None).expect("is a currency");
    for sort in [Sort::PriceAsc, Sort::PriceDesc] {
        let last = shop.ask(&Query { sort, ..cheapest.clone() });
        assert_eq!(last.hits.last().expect("has hits").id.as_ref(), "bat-lite", "no price comes last");
    }
}

#[test]
fn what_is_sold_out_leaves_the_shelf_at_once() {
    let shop = Shop::open();
    let in_stock = Query { in_stock: Some(true), ..pounds() };
    assert_eq!(shop.ask(&in_stock).total.value, 9);
    let columns = shop.indexes.columns(SHOP).expect("has columns");
    columns.set_availability(10, false, 4).expect("is a number");
    let answer = shop.ask(&in_stock);
    assert_eq!(answer.total.value, 8);
    assert!(!ids(&answer).contains(&"ball-red".to_owned()));
    assert_eq!(told(facet(&answer, "in_stock")), "*true 8, false 4");
    let sold_out = shop.ask(&Query { in_stock: Some(false), ..pounds() });
    assert_eq!(sorted(ids(&sold_out)), ["ball-red", "ball-white", "bat-club", "gloves-keeping"]);
    let ball = sold_out.hits.iter().find(|hit| hit.number == 10).expect("is there");
    assert_eq!((ball.available, ball.availability), (false, 4));
}

#[test]
fn ratings_filter_and_sort() {
    let shop = Shop::open();
    let good = Query { rating_min: Some(450), sort: Sort::Rating, ..pounds() };
    assert_eq!(ids(&shop.ask(&good)), ["bat-classic", "helmet-steel", "gloves-batting"]);
}

#[test]
fn a_list_of_bats_sorts_by_weight_and_what_weighs_nothing_comes_last() {
    let shop = Shop::open();
    let by_weight = |sort| Query { sort, sort_key: Some("attr.weight".to_owned()), limit: 4, ..pounds() };
    let lightest = ids(&shop.ask(&by_weight(Sort::NumberAsc)));
    assert_eq!(lightest, ["bat-lite", "bat-classic", "bat-club", "pads-batting"]);
    let heaviest = ids(&shop.ask(&by_weight(Sort::NumberDesc)));
    assert_eq!(heaviest, ["bat-club", "bat-classic", "bat-lite", "pads-batting"]);
    let unknown = Query { sort_key: Some("attr.length".to_owned()), ..by_weight(Sort::NumberAsc) };
    assert_eq!(shop.ask(&unknown).hits.len(), 4, "an attribute that nothing has sorts nothing");
}

#[test]
fn names_sort_in_the_shoppers_language() {
    let shop = Shop::open();
    let by_name = Query { sort: Sort::Name, limit: 3, ..pounds() };
    assert_eq!(ids(&shop.ask(&by_name)), ["gloves-batting", "pads-batting", "bat-classic"]);
    let hindi = Query { locale: "hi-IN".to_owned(), ..by_name };
    assert_eq!(ids(&shop.ask(&hindi))[0], "bat-classic", "क्लासिक before जूनियर");
}

#[test]
fn every_walk_by_cursor_sees_each_product_once_there_and_back() {
    let shop = Shop::open();
    let sorts = [
        Sort::Relevance,
        Sort::PriceAsc,
        Sort::PriceDesc,
        Sort::Newest,
        Sort::Rating,
        Sort::Name,
        Sort::NumberAsc,
        Sort::NumberDesc,
    ];
    for (sort, text) in sorts.into_iter().flat_map(|sort| [(sort, None), (sort, Some("crease"))]) {
        let sort_key = Some("attr.weight".to_owned());
        let query = Query { sort, sort_key, text: text.map(str::to_owned), limit: 2, ..pounds() };
        let expected = ids(&shop.ask(&Query { limit: 100, ..query.clone() }));
        assert!(expected.len() >= 6);

        let mut walked = Vec::new();
        let mut pages = Vec::new();
        let mut page = shop.ask(&query);
        assert_eq!(page.prev_cursor, None);
        loop {
            walked.extend(ids(&page));
            pages.push(ids(&page));
            let Some(next) = page.next_cursor else { break };
            page = shop.ask(&Query { start: Start::Cursor(next), ..query.clone() });
        }
        assert_eq!(walked, expected, "{sort:?} {text:?}");

        pages.pop();
        while let Some(previous) = page.prev_cursor {
            page = shop.ask(&Query { start: Start::Cursor(previous), ..query.clone() });
            assert_eq!(Some(ids(&page)), pages.pop(), "{sort:?} {text:?} back");
        }
        assert!(pages.is_empty());

        for (place, id) in expected.iter().enumerate() {
            let page = shop.ask(&Query { start: Start::Offset(place), limit: 1, ..query.clone() });
            assert_eq!(&ids(&page)[0], id, "{sort:?} at {place}");
        }
    }
}

#[test]
fn a_walk_by_name_survives_products_that_come_and_go() {
    let shop = Shop::open();
    let query = Query { sort: Sort::Name, limit: 4, ..pounds() };
    let expected = ids(&shop.ask(&Query { limit: 100, ..query.clone() }));
    let first = shop.ask(&query);
    // The last product of the first page goes, and a new one comes before it.
    let last = first.hits.last().expect("has hits").number;
    let mut early = PRODUCTS[0].document();
    (early.number, early.id, early.name) = (200, "early".to_owned(), texts(&[("en-GB", "Aaa")]));
    let changes = vec![gearify_search::Change::Delete(last), gearify_search::Change::put(early)];
    shop.indexes.apply(SHOP, changes, 11).expect("applies");
    let next = first.next_cursor.expect("has more");
    let second = shop.ask(&Query { start: Start::Cursor(next), limit: 100, ..query });
    assert_eq!(ids(&second), expected[4..]);
}

#[test]
fn totals_beyond_ten_thousand_are_at_least() {
    let shop = Shop::empty();
    let document = |number: u32| gearify_search::Document {
        number,
        id: format!("p{number}"),
        name: texts(&[("en", "Ball")]),
        ..gearify_search::Document::default()
    };
    shop.indexes.rebuild(SHOP, (0..10_001).map(document), 1).expect("builds");
    let query = Query { limit: 1, ..pounds() };
    assert_eq!(shop.ask(&query).total, Total { value: 10_000, relation: Relation::AtLeast });
    shop.indexes.apply(SHOP, vec![gearify_search::Change::Delete(0)], 2).expect("applies");
    assert_eq!(shop.ask(&query).total, Total { value: 10_000, relation: Relation::Exact });
}

fn refusal(shop: &Shop, query: Query) -> String {
    let error = shop.indexes.search(SHOP, &query).expect_err("is refused");
    assert!(error.is_callers_fault());
    error.to_string()
}

#[test]
fn wrong_questions_are_refused_by_name() {
    let shop = Shop::open();
    let refused = |query: Query| refusal(&shop, query);
    assert_eq!(refused(filtered(&[("attr.colour", &["red"])])), "no filter is called `attr.colour`");
    assert_eq!(refused(filtered(&[("grade", &["1"])])), "no filter is called `grade`");
    assert!(refused(filtered(&[("attr.weight", &["heavy"])])).starts_with("`heavy` is no value for"));
    assert!(refused(filtered(&[("attr.weight", &[".."])])).starts_with("`..` is no value for"));
    assert_eq!(refused(Query { limit: 0, ..pounds() }), "limit 0 is not within 1..=100");
    assert_eq!(refused(Query { limit: 101, ..pounds() }), "limit 101 is not within 1..=100");
    let far = Query { start: Start::Offset(10_001), ..pounds() };
    assert!(refused(far).starts_with("offset 10001 is beyond 10000"));
    for query in [
        Query { sort: Sort::PriceDesc, ..Query::default() },
        Query { price_min: Some(1), ..Query::default() },
    ] {
        assert_eq!(refused(query), "prices need a currency");
    }
    // A key the shop declares finds nothing as long as no product carries it; nor is an empty
    // choice a filter.
    let declared = Query {
        declared_keys: ["attr.colour".to_owned()].into(),
        ..filtered(&[("attr.colour", &["red"]), ("attr.nothing", &[])])
    };
    assert_eq!(shop.ask(&declared).total.value, 0);
}

#[test]
fn a_cursor_is_good_for_its_own_query_and_shop_only() {
    let shop = Shop::open();
    let query = Query { sort: Sort::PriceAsc, limit: 2, ..pounds() };
    let cursor = shop.ask(&query).next_cursor.expect("has more");
    let at = |cursor: &str, query: &Query| Query { start: Start::Cursor(cursor.to_owned()), ..query.clone() };

    let other_limit = Query { limit: 5, facets: false, ..query.clone() };
    assert_eq!(shop.ask(&at(&cursor, &other_limit)).hits.len(), 5);

    let refused = |query: Query| {
        let error = shop.indexes.search(SHOP, &query).expect_err("is refused");
        assert!(matches!(error, SearchError::Cursor), "{error}");
    };
    refused(at(&cursor, &Query { sort: Sort::PriceDesc, ..query.clone() }));
    refused(at(&cursor, &Query { sort: Sort::Name, ..query.clone() }));
    refused(at(&cursor, &Query { text: Some("bat".to_owned()), ..query.clone() }));
    refused(at(&cursor, &Query { price_max: Some(5), ..query.clone() }));
    refused(at(&cursor, &Query { currency: Some("INR".to_owned()), ..query.clone() }));
    for place in 0..cursor.len() {
        let mut tampered = cursor.clone().into_bytes();
        tampered[place] = if tampered[place] == b'0' { b'1' } else { b'0' };
        refused(at(&String::from_utf8(tampered).expect("digits"), &query));
    }
    for text in ["", "0", "zz", "é", &cursor[2..], &cursor.to_uppercase(), &"00".repeat(4_000)] {
        refused(at(text, &query));
    }
    shop.indexes.apply("boundary", Vec::new(), 1).expect("another shop");
    let foreign = shop.indexes.search("boundary", &at(&cursor, &query));
    assert!(matches!(foreign, Err(SearchError::Cursor)));
}
