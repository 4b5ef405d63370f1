//! Stories of words: what is typed and what it finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::range::{PRODUCTS, SHOP, Shop, facet, ids, pounds, sorted, texts, told};
use gearify_search::{Change, Document, Matching, Query, SuggestionKind, Synonyms};

const ALL_BATS: [&str; 3] = ["bat-classic", "bat-club", "bat-lite"];

#[test]
fn one_bat_and_many_bats_are_the_same_word() {
    let shop = Shop::open();
    let one = sorted(shop.ids("bat "));
    assert_eq!(one, sorted(shop.ids("BATS ")));
    assert!(ALL_BATS.iter().all(|bat| one.contains(&bat.to_string())), "{one:?}");
    assert_eq!(one, sorted(shop.ids("bat")));
}

#[test]
fn a_name_counts_more_than_a_description() {
    let shop = Shop::open();
    let found = shop.ids("bat ");
    assert_eq!(found.last().map(String::as_str), Some("kit-junior"), "it only mentions a bat: {found:?}");
}

#[test]
fn who_names_a_shelf_sees_it_first() {
    let shop = Shop::open();
    let mallet = Document {
        number: 90,
        id: "mallet".to_owned(),
        name: texts(&[("en-GB", "Bat mallet"), ("hi-IN", "बल्ला हथौड़ा")]),
        categories: vec!["care".to_owned()],
        ..Document::default()
    };
    let hover = Document {
        number: 91,
        id: "hover".to_owned(),
        name: texts(&[("en-GB", "Kestrel Hover")]),
        keywords: texts(&[("en-GB", "Cricket bats")]),
        categories: vec!["bats/english-willow".to_owned()],
        ..Document::default()
    };
    shop.put(vec![mallet, hover], 50);
    assert!(!ALL_BATS.contains(&shop.ids("bat")[0].as_str()), "words alone put gloves or mallets first");
    let names = [("bats".to_owned(), texts(&[("en", "Cricket bats"), ("hi", "क्रिकेट के बल्ले")]))];
    shop.indexes.set_category_names(SHOP, names.into()).expect("is a tenant");
    for text in ["bat", "Bats"] {
        let found = shop.ids(text);
        let place = |id: &str| found.iter().position(|found| found == id).expect("is found");
        // The hover is called otherwise, but stands there.
        let last = ALL_BATS.iter().chain(&["hover"]).map(|bat| place(bat)).max().expect("there are bats");
        assert!(last < place("mallet"), "what only mentions it follows {text}: {found:?}");
    }
    assert_eq!(shop.ids("cricket bat")[0], "hover");
    assert_eq!(shop.ids("bat mallet")[0], "mallet");
}

#[test]
fn an_unfinished_word_finds_what_it_may_become() {
    let shop = Shop::open();
    assert_eq!(sorted(shop.ids("glo")), ["gloves-batting", "gloves-keeping"]);
    assert_eq!(shop.ids("crease glo"), ["gloves-batting"]);
    assert_eq!(shop.find("glo").matching, Matching::Exact);
    // A space says that the word is complete; then it is no word of this shop.
    assert_eq!(shop.find("glo bat").matching, Matching::Corrected);
}

#[test]
fn a_typing_mistake_is_forgiven_only_where_nothing_was_found() {
    let shop = Shop::open();
    let answer = shop.find("helmat");
    assert_eq!(sorted(ids(&answer)), ["helmet-steel", "helmet-ti"]);
    assert_eq!(answer.matching, Matching::Corrected);

    assert_eq!(sorted(shop.ids("hemlet")), ["helmet-steel", "helmet-ti"], "swapped letters are one mistake");
    assert_eq!(sorted(shop.ids("wiketkeping gloves")), ["gloves-keeping"], "two in a long word");
    assert_eq!(shop.ids("jelmet"), Vec::<String>::new(), "the first letter is never mistaken");
    assert_eq!(shop.ids("bqt"), Vec::<String>::new(), "three letters say too little");
    assert_eq!(shop.find("balls").matching, Matching::Exact);
}

#[test]
fn some_of_the_words_are_better_than_nothing() {
    let shop = Shop::open();
    let answer = shop.find("titanium zzzzz");
    assert_eq!(ids(&answer), ["helmet-ti"]);
    assert_eq!(answer.matching, Matching::Partial);
    assert_eq!(shop.ids("zzzzz qqqqq"), Vec::<String>::new());
}

#[test]
fn words_that_mean_nothing_by_themselves_are_no_condition() {
    let shop = Shop::open();
    assert_eq!(shop.ids("a helmet with the steel"), ["helmet-steel"]);
    assert_eq!(shop.find("a helmet with the steel").matching, Matching::Exact);
}

#[test]
fn a_text_without_words_asks_for_everything() {
    let shop = Shop::open();
    for text in ["", "   ", "?!…", "—"] {
        assert_eq!(shop.ids(text).len(), PRODUCTS.len(), "{text:?}");
    }
}

#[test]
fn hindi_is_searched_in_hindi_and_falls_back_to_english() {
    let shop = Shop::open();
    let hindi = |text: &str| {
        let query = Query {
            text: Some(text.to_owned()),
            locale: "hi-IN".to_owned(),
            fallback_locales: vec!["en-GB".to_owned()],
            ..pounds()
        };
        sorted(ids(&shop.ask(&query)))
    };
    assert_eq!(hindi("बल्ला"), ALL_BATS);
    assert_eq!(hindi("सफेद गेंद"), ["ball-white"], "with or without the nukta");
    assert_eq!(hindi("क्रीज़ दस्ता"), ["gloves-batting"]);
    assert_eq!(hindi("हेलमट"), ["helmet-steel", "helmet-ti"], "a vowel sign left out");
    assert_eq!(hindi("titanium"), ["helmet-ti"]);
    assert_eq!(shop.ids("बल्ला"), Vec::<String>::new(), "an English page does not search Hindi");
}

#[test]
fn a_language_without_stemmer_and_accents_are_found_too() {
    let shop = Shop::empty();
    let document = |number: u32, locale: &str, name: &str| Document {
        number,
        id: format!("p{number}"),
        name: texts(&[(locale, name)]),
        ..Document::default()
    };
    shop.put(
        vec![
            document(1, "de-DE", "Schläger für große Hände"),
            document(2, "mr-IN", "क्रिकेट चेंडू"),
            document(3, "fr", "Gants de protège-poignet"),
        ],
        1,
    );
    let find = |locale: &str, text: &str| {
        let query = Query { text: Some(text.to_owned()), locale: locale.to_owned(), ..Query::default() };
        ids(&shop.ask(&query))
    };
    assert_eq!(find("de", "grosse hande"), ["p1"]);
    assert_eq!(find("de-AT", "Große Hand "), ["p1"], "stemmed");
    assert_eq!(find("mr", "चेंडू"), ["p2"]);
    assert_eq!(find("fr-CA", "protege"), ["p3"]);
}

#[test]
fn brand_category_grade_and_sku_are_found_as_text() {
    let shop = Shop::open();
    assert_eq!(shop.ids("longstop kashmir willow"), ["bat-club"]);
    assert_eq!(sorted(shop.ids("english-willow")), ["bat-classic", "bat-lite"]);
    assert_eq!(shop.ids("WIL-BAT-LITE-2"), ["bat-lite"]);
    assert_eq!(shop.ids("wil bat lite 2"), ["bat-lite"]);
    assert_eq!(shop.ids("wilbatlite2"), ["bat-lite"]);
}

#[test]
fn a_shops_synonyms_widen_what_is_found() {
    let shop = Shop::open();
    let table: BTreeMap<String, Vec<String>> = [
        ("lid".to_owned(), vec!["helmet".to_owned()]),
        ("Keeper Gloves".to_owned(), vec!["wicketkeeping gloves".to_owned()]),
    ]
    .into();
    let synonyms = Some(Arc::new(Synonyms::new(&table)));
    let find = |text: &str| {
        let query = Query { text: Some(text.to_owned()), synonyms: synonyms.clone(), ..pounds() };
        sorted(ids(&shop.ask(&query)))
    };
    assert_eq!(find("lid"), ["helmet-steel", "helmet-ti"]);
    assert_eq!(find("steel lid"), ["helmet-steel"]);
    assert_eq!(find("longstop keeper gloves"), ["gloves-keeping"]);
    assert_eq!(shop.ids("lid"), Vec::<String>::new());
}

#[test]
fn a_changed_name_is_found_by_its_new_words_only() {
    let shop = Shop::open();
    let mut helmet = PRODUCTS[7].document();
    helmet.name = texts(&[("en-GB", "Crease Guardian lid")]);
    helmet.description.clear();
    helmet.categories = vec!["headwear".to_owned()];
    shop.put(vec![helmet], 11);
    assert_eq!(shop.ids("guardian"), ["helmet-steel"]);
    assert_eq!(shop.ids("helmet"), ["helmet-ti"]);
    assert_eq!(shop.find("guardian").position, 11);
}

#[test]
fn what_is_deleted_is_gone_from_text_facets_and_browsing() {
    let shop = Shop::open();
    shop.indexes.apply(SHOP, vec![Change::Delete(9), Change::Delete(999)], 12).expect("applies");
    assert_eq!(shop.ids("helmet"), ["helmet-steel"]);
    assert_eq!(shop.ids("titanium"), Vec::<String>::new());
    let all = shop.ask(&pounds());
    assert_eq!(all.total.value, PRODUCTS.len() - 1);
    assert!(told(facet(&all, "category")).contains("helmets 1"));
}

#[test]
fn suggestions_are_categories_then_popular_products() {
    let shop = Shop::open();
    let names = [
        ("gloves".to_owned(), texts(&[("en", "Gloves"), ("hi", "दस्ताने")])),
        ("helmets".to_owned(), texts(&[("en", "Helmets")])),
        ("empty".to_owned(), texts(&[("en", "Glow sticks")])),
    ];
    shop.indexes.set_category_names(SHOP, names.into()).expect("is a tenant");
    let columns = shop.indexes.columns(SHOP).expect("has columns");
    columns.set_popularity(7, Some(1_000)).expect("is a number");
    let suggest = |prefix: &str, locale: &str, limit: usize| -> Vec<String> {
        let found = shop.indexes.suggest(SHOP, prefix, &[locale.to_owned()], limit).expect("suggests");
        found.into_iter().map(|suggestion| suggestion.text).collect()
    };
    assert_eq!(
        suggest("glo", "en-GB", 6),
        ["Gloves", "Longstop wicketkeeping gloves", "Crease batting gloves"]
    );
    assert_eq!(suggest("g", "en-GB", 1), ["Gloves"]);
    assert_eq!(suggest("crease batting g", "en-GB", 6), ["Crease batting gloves"]);
    assert_eq!(suggest("दस्", "hi-IN", 2), ["दस्ताने", "लॉन्गस्टॉप विकेटकीपिंग दस्ताने"]);
    assert_eq!(suggest("", "en", 6), Vec::<String>::new());

    let found = shop.indexes.suggest(SHOP, "titan", &["en".to_owned()], 3).expect("suggests");
    let SuggestionKind::Product { number, id, .. } = &found[0].kind else { panic!("{found:?}") };
    assert_eq!((*number, &**id), (9, "helmet-ti"));
}

#[test]
fn a_whole_word_is_not_taken_for_a_beginning() {
    let shop = Shop::open();
    let named = |number: u32, name: &str| Document {
        number,
        id: format!("p{number}"),
        name: texts(&[("en-GB", name)]),
        ..Document::default()
    };
    let names = ["Cap one", "Cap two", "Cap three", "Capstan", "Captain badge"];
    shop.put((100..).zip(names).map(|(number, name)| named(number, name)).collect(), 11);
    assert_eq!(sorted(shop.ids("cap")), ["p100", "p101", "p102"]);
    assert_eq!(sorted(shop.ids("capt")), ["p104"]);
}
