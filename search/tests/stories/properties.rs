//! Properties: facets against a brute-force count, and that nothing anybody sends makes a panic.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use gearify_search::{
    AttributeValue, Change, ColumnRow, Document, FacetKind, Price, Query, Rating, SearchIndexes,
    SearchOptions, Sort, Start,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::range::{SHOP, Shop, texts};

const BRANDS: [&str; 3] = ["Crease & Co", "Longstop", "Gully"];
const CATEGORIES: [&str; 5] = ["bats", "bats/english", "bats/kashmir", "gloves/batting", "balls"];
const GRADES: [&str; 4] = ["1", "2", "3", "4"];
const WORDS: [&str; 4] = ["red", "light", "classic", "junior"];
const SORTS: [Sort; 8] = [
    Sort::Relevance,
    Sort::PriceAsc,
    Sort::PriceDesc,
    Sort::Newest,
    Sort::Rating,
    Sort::Name,
    Sort::NumberAsc,
    Sort::NumberDesc,
];

fn any_product() -> impl Strategy<Value = (Document, ColumnRow)> {
    let words = subsequence(WORDS.to_vec(), 1..=4);
    let shelf = (option::of(select(BRANDS.to_vec())), subsequence(CATEGORIES.to_vec(), 0..=2));
    let attributes = (subsequence(GRADES.to_vec(), 0..=2), vec(1_000..1_300i64, 0..3));
    let live = (option::of(0..60_000i64), any::<bool>(), option::of((100..=500u16, 1..50u32)), 0..5u64);
    (0..150u32, words, shelf, attributes, live, 0..5i64).prop_map(
        |(
            number,
            words,
            (brand, categories),
            (grades, weights),
            (price, available, rating, popularity),
            newest,
        )| {
            let terms = grades.iter().map(|grade| AttributeValue::Term(grade.to_string())).collect();
            let weights = weights
                .into_iter()
                .map(|value| AttributeValue::Number { value, unit: "g".to_owned() })
                .collect();
            let document = Document {
                number,
                id: format!("p{number}"),
                name: texts(&[("en", &words.join(" "))]),
                brand: brand.map(str::to_owned),
                categories: categories.into_iter().map(str::to_owned).collect(),
                attributes: [("grade".to_owned(), terms), ("weight".to_owned(), weights)].into(),
                newest,
                popularity,
                ..Document::default()
            };
            let row = ColumnRow {
                number,
                prices: price.map(|price| ("GBP".to_owned(), Price::flat(price))).into_iter().collect(),
                available,
                rating: rating.map(|(average_hundredths, count)| Rating { average_hundredths, count }),
                ..ColumnRow::default()
            };
            (document, row)
        },
    )
}

fn any_selection() -> impl Strategy<Value = Query> {
    let filters = (
        subsequence(BRANDS.to_vec(), 0..=2),
        subsequence(GRADES.to_vec(), 0..=2),
        option::of((1_000..1_300i64, 0..200i64)),
    );
    let live = (option::of((0..60_000i64, 0..60_000i64)), option::of(any::<bool>()), option::of(100..500u16));
    let shelf = (option::of(select(CATEGORIES.to_vec())), option::of(select(WORDS.to_vec())));
    (filters, live, shelf, select(SORTS.to_vec())).prop_map(
        |((brands, grades, weight), (price, in_stock, rating_min), (category, word), sort)| {
            let owned = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect::<Vec<String>>();
            let mut filters: BTreeMap<String, Vec<String>> = BTreeMap::new();
            filters.insert("brand".to_owned(), owned(brands));
            filters.insert("attr.grade".to_owned(), owned(grades));
            if let Some((from, width)) = weight {
                filters.insert("attr.weight".to_owned(), vec![format!("{from}..{}", from + width)]);
            }
            Query {
                // Whole words that the vocabulary has, so that matching by hand is simple.
                text: word.map(|word| format!("{word} ")),
                category: category.map(str::to_owned),
                declared_keys: filters.keys().cloned().collect(),
                filters,
                price_min: price.map(|(min, _)| min),
                price_max: price.map(|(min, width)| min + width),
                currency: Some("GBP".to_owned()),
                in_stock,
                rating_min,
                sort,
                sort_key: Some("attr.weight".to_owned()),
                limit: 100,
                ..Query::default()
            }
        },
    )
}

/// The same question answered by looking at every product.
struct ByHand<'a> {
    query: &'a Query,
    products: Vec<&'a (Document, ColumnRow)>,
}

impl ByHand<'_> {
    fn paths(document: &Document) -> BTreeSet<String> {
        let steps = |path: &String| {
            let ends: Vec<usize> =
                path.match_indices('/').map(|(place, _)| place).chain([path.len()]).collect();
            ends.into_iter().map(|end| path[..end].to_owned()).collect::<Vec<String>>()
        };
        document.categories.iter().flat_map(steps).collect()
    }

    fn terms(document: &Document, key: &str) -> BTreeSet<String> {
        match key {
            "category" => ByHand::paths(document),
            "brand" => document.brand.iter().cloned().collect(),
            _ => {
                let values = document.attributes.get(key.trim_start_matches("attr.")).into_iter().flatten();
                let term = |value: &AttributeValue| match value {
                    AttributeValue::Term(term) => Some(term.clone()),
                    AttributeValue::Number { .. } => None,
                };
                values.filter_map(term).collect()
            }
        }
    }

    fn weights(document: &Document) -> Vec<i64> {
        let number = |value: &AttributeValue| match value {
            AttributeValue::Number { value, .. } => Some(*value),
            AttributeValue::Term(_) => None,
        };
        document.attributes["weight"].iter().filter_map(number).collect()
    }

    fn passes(&self, (document, row): &(Document, ColumnRow), except: &str) -> bool {
        let query = self.query;
        let price = row.prices.get("GBP").map(|price| price.amount);
        let word = query.text.as_deref().map(str::trim);
        let filter = |key: &str| query.filters.get(key).filter(|values| !values.is_empty() && except != key);
        let any_of = |key: &str| {
            filter(key).is_none_or(|values| {
                let terms = ByHand::terms(document, key);
                values.iter().any(|value| terms.contains(value))
            })
        };
        word.is_none_or(|word| document.name["en"].split(' ').any(|known| known == word))
            && (except == "category"
                || query.category.as_ref().is_none_or(|path| ByHand::paths(document).contains(path)))
            && any_of("brand")
            && any_of("attr.grade")
            && filter("attr.weight").is_none_or(|values| {
                let (from, to) = values[0].split_once("..").expect("is a range");
                let range = from.parse::<i64>().expect("number")..=to.parse::<i64>().expect("number");
                ByHand::weights(document).iter().any(|weight| range.contains(weight))
            })
            && (except == "price"
                || query.price_min.is_none()
                || price.is_some_and(|price| {
                    query.price_min.is_none_or(|min| min <= price)
                        && query.price_max.is_none_or(|max| price <= max)
                }))
            && (except == "in_stock" || query.in_stock.is_none_or(|wanted| wanted == row.available))
            && query
                .rating_min
                .is_none_or(|min| row.rating.is_some_and(|rating| rating.average_hundredths >= min))
    }

    fn left<'s>(&'s self, except: &'s str) -> impl Iterator<Item = &'s (Document, ColumnRow)> {
        self.products.iter().copied().filter(move |product| self.passes(product, except))
    }
}

/// A text of one word that the vocabulary has may still be widened by prefixes when fewer than
/// three products have it; by hand only whole words count.
fn is_read_as_written(query: &Query, products: &[&(Document, ColumnRow)]) -> bool {
    query.text.as_deref().map(str::trim).is_none_or(|word| {
        products
            .iter()
            .filter(|(document, _)| document.name["en"].split(' ').any(|known| known == word))
            .count()
            >= 3
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn facets_hits_and_totals_equal_a_count_by_hand(
        first in vec(any_product(), 20..60),
        second in vec(any_product(), 0..20),
        deleted in btree_set(0..150u32, 0..10),
        queries in vec(any_selection(), 12),
    ) {
        let shop = Shop::empty();
        shop.put(first.iter().map(|(document, _)| document.clone()).collect(), 1);
        // Asked once in between, so that what is kept ready has to follow the second commit.
        shop.ask(&Query { sort: Sort::Name, ..Query::default() });
        let mut changes: Vec<Change> = deleted.iter().map(|number| Change::Delete(*number)).collect();
        changes.extend(second.iter().map(|(document, _)| Change::put(document.clone())));
        shop.indexes.apply(SHOP, changes, 2).expect("applies");
        let columns = shop.indexes.columns(SHOP).expect("has columns");
        columns.load(first.iter().chain(&second).map(|(_, row)| row.clone())).expect("loads");

        let rows: BTreeMap<u32, &ColumnRow> =
            first.iter().chain(&second).map(|(_, row)| (row.number, row)).collect();
        let mut kept: BTreeMap<u32, &(Document, ColumnRow)> =
            first.iter().map(|product| (product.0.number, product)).collect();
        kept.retain(|number, _| !deleted.contains(number));
        kept.extend(second.iter().map(|product| (product.0.number, product)));
        let products: Vec<(Document, ColumnRow)> =
            kept.values().map(|(document, _)| (document.clone(), rows[&document.number].clone())).collect();

        let reopened = shop.reopen();
        let reloaded = reopened.indexes.columns(SHOP).expect("has columns");
        reloaded.load(products.iter().map(|(_, row)| row.clone())).expect("loads");
        for query in &queries {
            check_against_hand(&reopened, query, &products)?;
        }
    }
}

fn check_against_hand(
    shop: &Shop,
    query: &Query,
    products: &[(Document, ColumnRow)],
) -> Result<(), TestCaseError> {
    let by_hand = ByHand { query, products: products.iter().collect() };
    if !is_read_as_written(query, &by_hand.products) {
        return Ok(());
    }
    let answer = shop.ask(query);
    let expected: BTreeSet<u32> = by_hand.left("").map(|(document, _)| document.number).collect();
    let hits: Vec<u32> = answer.hits.iter().map(|hit| hit.number).collect();
    prop_assert_eq!(hits.iter().copied().collect::<BTreeSet<u32>>(), expected);
    prop_assert_eq!(answer.total.value, hits.len());
    check_order_by_weight(query, products, &hits)?;
    for facet in &answer.facets {
        let left: Vec<&(Document, ColumnRow)> = by_hand.left(&facet.key).collect();
        match (facet.key.as_str(), facet.kind) {
            ("price", _) => {
                let prices: Vec<i64> =
                    left.iter().filter_map(|(_, row)| Some(row.prices.get("GBP")?.amount)).collect();
                prop_assert_eq!(facet.min, prices.iter().min().copied());
                prop_assert_eq!(facet.max, prices.iter().max().copied());
                for value in &facet.values {
                    let (from, until) = value.value.split_once("..").expect("is a range");
                    let bucket = from.parse::<i64>().expect("number")..until.parse::<i64>().expect("number");
                    prop_assert_eq!(
                        value.count,
                        prices.iter().filter(|price| bucket.contains(price)).count()
                    );
                }
                prop_assert_eq!(facet.values.iter().map(|value| value.count).sum::<usize>(), prices.len());
            }
            ("in_stock", _) => {
                let available = left.iter().filter(|(_, row)| row.available).count();
                prop_assert_eq!(facet.values[0].count, available);
                prop_assert_eq!(facet.values[1].count, left.len() - available);
            }
            (_, FacetKind::Range) => {
                let weights: Vec<i64> =
                    left.iter().flat_map(|(document, _)| ByHand::weights(document)).collect();
                prop_assert_eq!(facet.min, weights.iter().min().copied());
                prop_assert_eq!(facet.max, weights.iter().max().copied());
            }
            (key, _) => {
                let mut counts: BTreeMap<String, usize> = BTreeMap::new();
                for term in left.iter().flat_map(|(document, _)| ByHand::terms(document, key)) {
                    *counts.entry(term).or_default() += 1;
                }
                let counted: BTreeMap<String, usize> = facet
                    .values
                    .iter()
                    .filter(|value| value.count > 0)
                    .map(|value| (value.value.clone(), value.count))
                    .collect();
                prop_assert_eq!(counted, counts, "{}", key);
            }
        }
    }
    Ok(())
}

/// Lightest or heaviest first; what has no weight at the end.
fn check_order_by_weight(
    query: &Query,
    products: &[(Document, ColumnRow)],
    hits: &[u32],
) -> Result<(), TestCaseError> {
    let weights = |number: &u32| {
        let (document, _) =
            products.iter().find(|(document, _)| document.number == *number).expect("is there");
        ByHand::weights(document)
    };
    let key = |number: &u32| {
        let weights = weights(number).into_iter();
        let first = match query.sort {
            Sort::NumberAsc => weights.min(),
            _ => weights.max().map(|heaviest| -heaviest),
        };
        (first.is_none(), first.unwrap_or_default())
    };
    if !matches!(query.sort, Sort::NumberAsc | Sort::NumberDesc) {
        return Ok(());
    }
    let keys: Vec<(bool, i64)> = hits.iter().map(key).collect();
    prop_assert!(keys.is_sorted(), "{:?}", keys);
    Ok(())
}

static FUZZED: LazyLock<Shop> = LazyLock::new(Shop::open);

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z ]{0,40}",
        "\\PC{0,300}",
        "[\u{900}-\u{97f}\u{200c}\u{200d} ]{0,20}",
        vec(
            select(vec!["bat", "helmat", "the", "\"", "AND", "*", "~", "(", ":", "gloves", "\u{1f}", "\0"]),
            0..20
        )
        .prop_map(|words| words.join(" ")),
    ]
}

fn any_query() -> impl Strategy<Value = Query> {
    let words = (option::of(any_text()), any_text(), vec(any_text(), 0..3), option::of(any_text()));
    let keys = prop_oneof![
        select(vec!["brand", "category", "attr.grade", "attr.weight", "price"]).prop_map(str::to_owned),
        any_text(),
    ];
    let values = prop_oneof![any_text(), "-?[0-9]{0,20}(\\.\\.)?-?[0-9]{0,20}"];
    let filters = btree_map(keys, vec(values, 0..3), 0..3);
    let live = (
        option::of(any::<i64>()),
        option::of(any::<i64>()),
        option::of(any::<bool>()),
        option::of(any::<u16>()),
    );
    let currency = option::of(prop_oneof![Just("GBP".to_owned()), any_text()]);
    let start = prop_oneof![
        Just(Start::Beginning),
        any::<usize>().prop_map(Start::Offset),
        (0..20usize).prop_map(Start::Offset),
        any::<String>().prop_map(Start::Cursor),
        "([0-9a-f]{2}){0,60}".prop_map(Start::Cursor),
    ];
    (words, filters, live, currency, start, select(SORTS.to_vec()), 0..120usize).prop_map(
        |((text, locale, fallback_locales, category), filters, live, currency, start, sort, limit)| Query {
            text,
            locale,
            fallback_locales,
            category,
            filters,
            price_min: live.0,
            price_max: live.1,
            in_stock: live.2,
            rating_min: live.3,
            currency,
            sort,
            limit,
            start,
            ..Query::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_is_answered_or_refused(query in any_query()) {
        match FUZZED.indexes.search(SHOP, &query) {
            Ok(answer) => {
                prop_assert!(answer.hits.len() <= query.limit);
                prop_assert_eq!(&FUZZED.ask(&query), &answer, "the same question has the same answer");
                if let Some(next) = answer.next_cursor {
                    let next = Query { start: Start::Cursor(next), ..query.clone() };
                    prop_assert!(!FUZZED.ask(&next).hits.is_empty());
                }
            }
            Err(error) => prop_assert!(error.is_callers_fault(), "{}", error),
        }
    }

    #[test]
    fn whatever_is_typed_gets_suggestions(text in any_text(), locale in any_text(), limit in 0..200usize) {
        let found = FUZZED.indexes.suggest(SHOP, &text, &[locale], limit).expect("suggests");
        prop_assert!(found.len() <= limit);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_merchant_writes_can_be_indexed_and_found_by_its_first_word(
        name in any_text(),
        locale in any_text(),
        description in any_text(),
        sku in any_text(),
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let indexes = SearchIndexes::open(dir.path(), SearchOptions::default()).expect("opens");
        let document = Document {
            number: 3,
            id: "p3".to_owned(),
            name: texts(&[(&locale, &format!("keepsake {name}"))]),
            description: texts(&[("hi", &description), (&locale, &description)]),
            skus: vec![sku.chars().take(60).collect()],
            ..Document::default()
        };
        indexes.apply(SHOP, vec![Change::put(document)], 1).expect("applies");
        let query = Query { text: Some("keepsake".to_owned()), locale, ..Query::default() };
        prop_assert_eq!(indexes.search(SHOP, &query).expect("answers").total.value, 1);
    }
}
