//! A small cricket range to search in, and the words the stories are told in.

use std::collections::BTreeMap;

use gearify_search::{
    Answer, AttributeValue, Change, ColumnRow, Document, Facet, Health, Price, Query, Rating, SearchIndexes,
    SearchOptions, Texts,
};
use tempfile::TempDir;

pub const SHOP: &str = "willow";

/// A shop's index in a directory that goes with it.
pub struct Shop {
    pub dir: TempDir,
    pub indexes: SearchIndexes,
}

impl Shop {
    /// Fed with the whole range at position 10, prices and stock loaded.
    pub fn open() -> Shop {
        let shop = Shop::empty();
        shop.put(range(), 10);
        shop.load_columns();
        shop
    }

    pub fn empty() -> Shop {
        let dir = tempfile::tempdir().expect("a directory");
        let indexes = SearchIndexes::open(dir.path(), SearchOptions::default()).expect("opens");
        Shop { dir, indexes }
    }

    /// The same directory, as another process would find it.
    pub fn reopen(self) -> Shop {
        let Shop { dir, indexes } = self;
        drop(indexes);
        let indexes = SearchIndexes::open(dir.path(), SearchOptions::default()).expect("opens");
        Shop { dir, indexes }
    }

    pub fn put(&self, documents: Vec<Document>, position: u64) {
        let changes = documents.into_iter().map(Change::put).collect();
        self.indexes.apply(SHOP, changes, position).expect("applies");
    }

    pub fn load_columns(&self) {
        let columns = self.indexes.columns(SHOP).expect("has columns");
        columns.load(PRODUCTS.iter().map(Product::columns)).expect("loads");
    }

    pub fn ask(&self, query: &Query) -> Answer {
        self.indexes.search(SHOP, query).expect("answers")
    }

    pub fn find(&self, text: &str) -> Answer {
        self.ask(&Query { text: Some(text.to_owned()), ..pounds() })
    }

    /// Ids of what a text finds, best first.
    pub fn ids(&self, text: &str) -> Vec<String> {
        ids(&self.find(text))
    }

    pub fn health(&self) -> Health {
        self.indexes.state(SHOP).expect("has a state").health
    }
}

pub fn pounds() -> Query {
    Query { currency: Some("GBP".to_owned()), locale: "en-GB".to_owned(), limit: 100, ..Query::default() }
}

pub fn filtered(filters: &[(&str, &[&str])]) -> Query {
    let filters = filters.iter().map(|(key, values)| {
        (key.to_string(), values.iter().map(|value| value.to_string()).collect::<Vec<String>>())
    });
    Query { filters: filters.collect(), ..pounds() }
}

pub fn ids(answer: &Answer) -> Vec<String> {
    answer.hits.iter().map(|hit| hit.id.to_string()).collect()
}

pub fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

pub fn facet<'a>(answer: &'a Answer, key: &str) -> &'a Facet {
    answer.facets.iter().find(|facet| facet.key == key).expect("the facet is there")
}

/// `*english-willow 2, kashmir-willow 1`: the chosen ones starred.
pub fn told(facet: &Facet) -> String {
    let value = |value: &gearify_search::FacetValue| {
        format!("{}{} {}", if value.selected { "*" } else { "" }, value.value, value.count)
    };
    facet.values.iter().map(value).collect::<Vec<String>>().join(", ")
}

pub struct Product {
    pub number: u32,
    pub id: &'static str,
    pub english: &'static str,
    pub hindi: &'static str,
    pub about: &'static str,
    pub brand: &'static str,
    pub category: &'static str,
    /// Grade, weight class, weight in g.
    pub grade: &'static str,
    pub weight_class: &'static str,
    pub weights: &'static [i64],
    pub pence: i64,
    pub available: bool,
    pub stars: u16,
}

const fn product(number: u32, id: &'static str, english: &'static str, hindi: &'static str) -> Product {
    Product {
        number,
        id,
        english,
        hindi,
        about: "",
        brand: "Crease & Co",
        category: "",
        grade: "",
        weight_class: "",
        weights: &[],
        pence: 0,
        available: true,
        stars: 0,
    }
}

#[rustfmt::skip]
pub static PRODUCTS: [Product; 12] = [
    Product { category: "bats/english-willow", grade: "1", weight_class: "medium", weights: &[1160, 1190], pence: 32_000, stars: 480,
        about: "Full profile with a big sweet spot for the front foot", ..product(1, "bat-classic", "Crease Classic bat", "क्रीज़ क्लासिक बल्ला") },
    Product { category: "bats/english-willow", grade: "2", weight_class: "light", weights: &[1120], pence: 21_000, brand: "Longstop", stars: 410,
        ..product(2, "bat-lite", "Longstop Lite bat", "लॉन्गस्टॉप लाइट बल्ला") },
    Product { category: "bats/kashmir-willow", grade: "2", weight_class: "heavy", weights: &[1250], pence: 6_500, brand: "Longstop", available: false,
        ..product(3, "bat-club", "Longstop Club bat", "लॉन्गस्टॉप क्लब बल्ला") },
    Product { category: "pads/batting", pence: 5_500, about: "Cane and high density foam",
        ..product(4, "pads-batting", "Crease batting pads", "क्रीज़ बैटिंग पैड") },
    Product { category: "pads/keeping", pence: 4_900, brand: "Longstop",
        ..product(5, "pads-keeping", "Longstop wicketkeeping pads", "लॉन्गस्टॉप विकेटकीपिंग पैड") },
    Product { category: "gloves/batting", pence: 3_900, stars: 450,
        ..product(6, "gloves-batting", "Crease batting gloves", "क्रीज़ बैटिंग दस्ताने") },
    Product { category: "gloves/keeping", pence: 4_500, brand: "Longstop", available: false,
        ..product(7, "gloves-keeping", "Longstop wicketkeeping gloves", "लॉन्गस्टॉप विकेटकीपिंग दस्ताने") },
    Product { category: "helmets", pence: 7_500, about: "Steel grille, adjustable", stars: 470,
        ..product(8, "helmet-steel", "Crease Steel helmet", "क्रीज़ स्टील हेलमेट") },
    Product { category: "helmets", pence: 12_000, brand: "Longstop",
        ..product(9, "helmet-ti", "Longstop Titanium helmet", "लॉन्गस्टॉप टाइटेनियम हेलमेट") },
    Product { category: "balls", pence: 1_800, about: "Four piece, hand stitched",
        ..product(10, "ball-red", "Crease red leather ball", "क्रीज़ लाल चमड़े की गेंद") },
    Product { category: "balls", pence: 2_100, brand: "Longstop", available: false,
        ..product(11, "ball-white", "Longstop white leather ball", "लॉन्गस्टॉप सफ़ेद गेंद") },
    Product { category: "kits", pence: 18_000, about: "Bat, pads, gloves and bag for juniors",
        ..product(70, "kit-junior", "Crease junior kit", "क्रीज़ जूनियर किट") },
];

pub fn range() -> Vec<Document> {
    PRODUCTS.iter().map(Product::document).collect()
}

pub fn texts(pairs: &[(&str, &str)]) -> Texts {
    pairs.iter().map(|(locale, text)| (locale.to_string(), text.to_string())).collect()
}

impl Product {
    pub fn document(&self) -> Document {
        let mut attributes: BTreeMap<String, Vec<AttributeValue>> = BTreeMap::new();
        for (name, value) in [("grade", self.grade), ("weight_class", self.weight_class)] {
            if !value.is_empty() {
                attributes.insert(name.to_owned(), vec![AttributeValue::Term(value.to_owned())]);
            }
        }
        if !self.weights.is_empty() {
            let number = |value: &i64| AttributeValue::Number { value: *value, unit: "g".to_owned() };
            attributes.insert("weight".to_owned(), self.weights.iter().map(number).collect());
        }
        Document {
            number: self.number,
            id: self.id.to_owned(),
            stored: format!("payload of {}", self.id).into_bytes(),
            name: texts(&[("en-GB", self.english), ("hi-IN", self.hindi)]),
            description: texts(&[("en-GB", self.about)]),
            keywords: Texts::new(),
            skus: vec![format!("WIL-{}-{}", self.id.to_uppercase(), self.number)],
            brand: Some(self.brand.to_owned()),
            categories: vec![self.category.to_owned()],
            attributes,
            newest: 1_700_000_000_000 + i64::from(self.number % 7) * 1_000,
            popularity: u64::from(self.number) * 3 % 10,
        }
    }

    pub fn columns(&self) -> ColumnRow {
        ColumnRow {
            number: self.number,
            prices: [("GBP".to_owned(), Price::flat(self.pence))].into(),
            available: self.available,
            availability: u8::from(!self.available),
            rating: (self.stars > 0).then_some(Rating { average_hundredths: self.stars, count: 12 }),
            popularity: None,
        }
    }
}
