//! Home, lists, products.

use super::super::compare::{ComparePage, CompareRow, Compared};
use super::super::content::{ContentPage, NotFoundPage};
use super::super::home::{
    Hero, HomePage, ProductRow, Promise, Service, Tile, WeightEnd, WeightMark, WeightScale,
};
use super::super::listing::{
    Column, ColumnSort, Facet, FacetBody, FacetValue, Layout, ListingKind, ListingPage, RangeFacet,
    RangeUnit, SortDirection, Total, TreeValue,
};
use super::super::parts::{Availability, Choice, Link, PriceTag, ProductCard, Rating};
use super::super::rich_text::RichText;
use super::{Mode, Sample, SamplePage, TODAY};
use crate::illustration::Kind;
use crate::l10n::{Locale, pounds_and_ounces};

pub(super) fn pages(sample: &Sample, pages: &mut Vec<SamplePage>) {
    let mut add = |name, path: &str, page: Box<dyn super::Page>| {
        pages.push(SamplePage { name, path: path.to_owned(), page });
    };
    add("home", "/", Box::new(home(sample)));
    add("list-table", "/c/bats", Box::new(bats(sample)));
    add("list-grid", "/c/clothing", Box::new(clothing(sample)));
    add("compare", "/compare", Box::new(compare(sample, 4)));
    add("compare-one", "/compare", Box::new(compare(sample, 1)));
    add("search-nothing", "/search", Box::new(nothing(sample)));
    add("content", "/pages/delivery", Box::new(delivery_page(sample)));
    add("not-found", "/p/gone", Box::new(NotFoundPage { suggestions: suggestions(sample) }));
}

pub(super) fn suggestions(sample: &Sample) -> Vec<Link> {
    let links = [("Bats", "/c/bats"), ("Pads", "/c/pads"), ("Gloves", "/c/gloves"), ("Balls", "/c/balls")];
    sample.list(links.map(|(label, href)| Link::new(sample.say(label), href)).to_vec())
}

/// In the words of the sample's language, where a merchant would write them.
fn words(sample: &Sample, english: &str, hindi: &str) -> String {
    sample.say(if sample.locale == Locale::HI_IN { hindi } else { english })
}

fn home(sample: &Sample) -> HomePage {
    let tiles = [
        ("Bats", "bats", Kind::Bat, "crimson", "48 bats, 2 lb 5 oz to 3 lb"),
        ("Pads", "pads", Kind::Pads, "navy", "from £38"),
        ("Gloves", "gloves", Kind::BattingGloves, "forest", "from £24"),
        ("Helmets", "helmets", Kind::Helmet, "navy", "from £52"),
        ("Balls", "balls", Kind::Ball, "crimson", "from £9"),
        ("Clothing", "clothing", Kind::Sweater, "forest", "from £18"),
        ("Bags", "bags", Kind::Bag, "graphite", "from £35"),
        ("Keeping", "keeping", Kind::KeepingGloves, "ochre", "from £42"),
    ];
    let services = [
        (
            "Knocking in",
            "Six hours under the mechanical mallet, then an hour by hand. Ready for the first over.",
            "£30.00, adds 3 days",
        ),
        ("Oiling", "Two light coats of raw linseed, a night between them.", "£6.00, adds 1 day"),
        ("Toe binding", "Twine and resin where yorkers land.", "£12.00, adds 2 days"),
        ("A second grip", "Fitted over the first, for large hands and cold mornings.", "£8.00"),
    ];
    let promises = [
        ("Weighed, not guessed", "Every bat carries the weight we measured, in ounces and grams."),
        ("Thirty days", "Unused and unknocked? Send it back within thirty days."),
        ("Ask a person", "Tell us your height and how you play; we answer the same day."),
    ];
    HomePage {
        hero: Hero {
            headline: words(sample, "The right bat weighs what it should", "सही बल्ला वही जिसका वज़न सही हो"),
            text: words(
                sample,
                "Forty-eight bats on the rack, each one on the scale. Pick yours by weight, grain and shape.",
                "दुकान में अड़तालीस बल्ले, हर एक तौला हुआ। वज़न, रेशे और आकार देखकर चुनें।",
            ),
            action: Link::new(words(sample, "See the bats", "बल्ले देखें"), "/c/bats"),
            second: (sample.mode != Mode::Empty)
                .then(|| Link::new(words(sample, "How to choose a weight", "वज़न कैसे चुनें"), "/pages/weights")),
            picture: (sample.mode != Mode::Empty).then(|| {
                let mut picture = sample.picture(Kind::Bat, "crimson", 3);
                picture.url = sample.code(&format!("/pictures/hero-{}.svg", sample.slug));
                picture.alt = String::new();
                picture
            }),
        },
        departments: sample.list(
            tiles
                .map(|(name, slug, kind, palette, note)| Tile {
                    name: sample.say(name),
                    href: format!("/c/{slug}"),
                    picture: Some(sample.picture(kind, palette, 4)),
                    note: sample.say(note),
                })
                .to_vec(),
        ),
        rows: sample.list(vec![ProductRow {
            title: words(sample, "New on the rack", "नया आया है"),
            more: Some(Link::new(words(sample, "All that is new", "सब नया देखें"), "/search?sort=newest")),
            products: cards(sample).into_iter().take(5).collect(),
        }]),
        weights: (sample.mode != Mode::Empty).then(|| WeightScale {
            marks: [(1077, 4), (1106, 9), (1134, 13), (1162, 11), (1191, 7), (1219, 4)]
                .map(|(grams, count)| WeightMark {
                    open: WeightEnd::default(),
                    grams,
                    href: format!("/c/bats?weight_min={grams}"),
                    count,
                })
                .to_vec(),
        }),
        workshop: sample.list(
            services
                .map(|(name, text, note)| Service {
                    name: sample.say(name),
                    text: sample.say(text),
                    note: sample.say(note),
                })
                .to_vec(),
        ),
        promises: sample.list(
            promises
                .map(|(title, text)| Promise { title: sample.say(title), text: sample.say(text), link: None })
                .to_vec(),
        ),
    }
}

struct Thing(&'static str, &'static str, Kind, &'static str, i64, Availability, [&'static str; 2]);

const THINGS: [Thing; 10] = [
    Thing(
        "Meridian",
        "Longacre",
        Kind::Bat,
        "crimson",
        28_900,
        Availability::InStock,
        ["Grade 1", "2 lb 8 oz"],
    ),
    Thing(
        "Outcrop pads",
        "Tern",
        Kind::Pads,
        "forest",
        8_400,
        Availability::InStock,
        ["Adult", "Right hand"],
    ),
    Thing(
        "Quill gloves",
        "Marlhouse",
        Kind::BattingGloves,
        "teal",
        5_650,
        Availability::LowStock { left: Some(2) },
        ["Adult", "Left hand"],
    ),
    Thing(
        "Lamp helmet",
        "Tern",
        Kind::Helmet,
        "navy",
        7_900,
        Availability::OutOfStock,
        ["Titanium grille", ""],
    ),
    Thing(
        "County match ball",
        "Cobbold",
        Kind::Ball,
        "crimson",
        1_850,
        Availability::InStock,
        ["156 g", "Grade A"],
    ),
    Thing(
        "Long-room sweater",
        "Cobbold",
        Kind::Sweater,
        "navy",
        6_200,
        Availability::InStock,
        ["Lambswool", ""],
    ),
    Thing("Club shirt", "Marlhouse", Kind::Shirt, "sky", 2_800, Availability::InStock, ["Recycled", ""]),
    Thing(
        "Nightwatch shoes",
        "Tern",
        Kind::Shoes,
        "crimson",
        9_500,
        Availability::Backorder,
        ["Half spikes", ""],
    ),
    Thing(
        "Pink ball",
        "Cobbold",
        Kind::Ball,
        "rose",
        2_150,
        Availability::InStock,
        ["156 g", "Day and night"],
    ),
    Thing("Deep-third cap", "Longacre", Kind::Cap, "forest", 2_400, Availability::InStock, ["Wool", ""]),
];

pub(super) fn cards(sample: &Sample) -> Vec<ProductCard> {
    THINGS
        .iter()
        .zip(1_u64..)
        .map(|(Thing(name, brand, kind, palette, price, availability, specs), seed)| ProductCard {
            slug: sample.code(&seed.to_string()),
            href: format!("/p/{seed}"),
            name: sample.say(name),
            brand: Some(sample.say(brand)),
            picture: (sample.mode != Mode::Empty).then(|| sample.picture(*kind, palette, seed)),
            price: PriceTag {
                price: Some(sample.amount(*price)),
                from: *kind == Kind::Bat,
                compare_at: (seed % 4 == 2).then(|| sample.amount(*price + 1_600)),
            },
            availability: *availability,
            specs: specs.map(|spec| sample.say(spec)).into_iter().filter(|spec| !spec.is_empty()).collect(),
            rating: (seed % 3 == 1).then_some(Rating { tenths: 46, count: 31 }),
            badge: (seed == 1).then(|| words(sample, "New", "नया")),
        })
        .collect()
}

fn rack(sample: &Sample) -> Vec<ProductCard> {
    let bats = [
        ("Meridian", "Longacre", "crimson", 28_900, "1", "9", "Mid", 1134, Availability::InStock),
        (
            "Meridian Reserve",
            "Longacre",
            "crimson",
            42_000,
            "1+",
            "12",
            "Mid",
            1119,
            Availability::LowStock { left: Some(1) },
        ),
        ("Outcrop", "Tern", "navy", 23_500, "2", "8", "Low", 1162, Availability::InStock),
        ("Quill", "Marlhouse", "forest", 19_900, "2", "7", "High", 1106, Availability::InStock),
        ("Quill Harrow", "Marlhouse", "teal", 14_900, "3", "6", "Mid", 964, Availability::InStock),
        ("Lantern", "Tern", "graphite", 31_900, "1", "10", "Low", 1191, Availability::Backorder),
        ("Furlong", "Cobbold", "ochre", 11_500, "3", "6", "Mid", 1148, Availability::InStock),
        ("Furlong Kashmir", "Cobbold", "saffron", 6_900, "K", "5", "Mid", 1205, Availability::OutOfStock),
        ("Long Hop", "Marlhouse", "plum", 26_400, "1", "8", "High", 1134, Availability::InStock),
    ];
    bats.into_iter()
        .zip(20_u64..)
        .map(|((name, brand, palette, price, grade, grains, spot, grams, availability), seed)| ProductCard {
            slug: sample.code(&format!("bat-{seed}")),
            href: format!("/p/bat-{seed}"),
            name: sample.say(name),
            brand: Some(sample.say(brand)),
            picture: Some(sample.picture(Kind::Bat, palette, seed)),
            price: PriceTag {
                price: Some(sample.amount(price)),
                from: seed % 3 == 0,
                compare_at: (seed == 22).then(|| sample.amount(price + 3_500)),
            },
            availability,
            specs: [
                format!("{}{}", pounds_and_ounces(grams), ""),
                grams.to_string(),
                grade.to_owned(),
                grains.to_owned(),
                spot.to_owned(),
            ]
            .map(|spec| sample.say(&spec))
            .to_vec(),
            rating: None,
            badge: (seed == 21).then(|| words(sample, "New", "नया")),
        })
        .collect()
}

fn compare(sample: &Sample, count: usize) -> ComparePage {
    let products = sample.list(rack(sample).into_iter().take(count).collect());
    let cells = |place: usize| products.iter().map(|card| card.spec(place).to_owned()).collect();
    let labels = ["Weight", "Grams", "Grade", "Grains", "Sweet spot"];
    ComparePage {
        crumbs: sample.list(vec![Link::new(sample.say("Home"), "/"), Link::new(sample.say("Compare"), "")]),
        rows: labels
            .into_iter()
            .enumerate()
            .map(|(place, label)| CompareRow { label: sample.say(label), cells: cells(place) })
            .collect(),
        full: (count == 4).then_some(4),
        others: if count < 4 {
            let others = rack(sample).into_iter().skip(count);
            others.map(|card| Choice { value: card.slug, label: card.name, selected: false }).collect()
        } else {
            Vec::new()
        },
        suggestions: suggestions(sample),
        products: products
            .iter()
            .map(|card| Compared { card: card.clone(), without_href: "/compare?p=bat-20".to_owned() })
            .collect(),
    }
}

fn facets(sample: &Sample) -> Vec<Facet> {
    let terms = |name: &str, label: &str, open: bool, values: &[(&str, u64, bool)]| Facet {
        name: name.to_owned(),
        label: sample.say(label),
        open,
        body: FacetBody::Terms(
            values
                .iter()
                .map(|(label, count, selected)| FacetValue {
                    value: sample.code(&label.to_lowercase().replace(' ', "-")),
                    label: sample.say(label),
                    count: *count,
                    selected: *selected,
                })
                .collect(),
        ),
    };
    sample.list(vec![
        Facet {
            name: "category".to_owned(),
            label: sample.say("Kind"),
            open: true,
            body: FacetBody::Tree(
                [
                    ("Bats", 48, 0, true),
                    ("English willow", 36, 1, false),
                    ("Kashmir willow", 8, 1, false),
                    ("Harrow and junior", 4, 1, false),
                ]
                .map(|(label, count, depth, selected)| TreeValue {
                    label: sample.say(label),
                    href: "/c/bats".to_owned(),
                    count,
                    selected,
                    depth,
                })
                .to_vec(),
            ),
        },
        Facet {
            name: "weight".to_owned(),
            label: sample.say("Weight"),
            open: true,
            body: FacetBody::Range(RangeFacet {
                low_name: "weight_min".to_owned(),
                high_name: "weight_max".to_owned(),
                min: 907,
                max: 1361,
                low: Some(1077),
                high: None,
                unit: RangeUnit::Grams,
            }),
        },
        Facet {
            name: "price".to_owned(),
            label: sample.say("Price"),
            open: true,
            body: FacetBody::Range(RangeFacet {
                low_name: "price_min".to_owned(),
                high_name: "price_max".to_owned(),
                min: 69,
                max: 420,
                low: None,
                high: None,
                unit: RangeUnit::Money(sample.currency),
            }),
        },
        terms(
            "filter.brand",
            "Brand",
            true,
            &[("Longacre", 14, true), ("Tern", 12, false), ("Marlhouse", 12, false), ("Cobbold", 10, false)],
        ),
        terms(
            "filter.attr.grade",
            "Grade",
            false,
            &[("1+", 3, false), ("1", 17, false), ("2", 16, false), ("3", 12, false)],
        ),
        terms("in_stock", "Availability", false, &[("In stock only", 41, false)]),
    ])
}

fn sorts(sample: &Sample) -> Vec<Choice> {
    [
        ("relevance", "What fits best"),
        ("price", "Price, low first"),
        ("-price", "Price, high first"),
        ("newest", "Newest"),
    ]
    .map(|(value, label)| Choice {
        value: value.to_owned(),
        label: sample.say(label),
        selected: value == "price",
    })
    .to_vec()
}

fn listing(sample: &Sample, name: &str, layout: Layout, products: Vec<ProductCard>) -> ListingPage {
    ListingPage {
        kind: ListingKind::Category { name: sample.say(name) },
        crumbs: sample
            .list(vec![Link::new(sample.locale.text().home(), "/"), Link::new(sample.say(name), "")]),
        introduction: String::new(),
        children: Vec::new(),
        total: Total { value: 48, at_least: false },
        layout,
        grid_href: "?view=grid".to_owned(),
        table_href: "?view=table".to_owned(),
        product_column: Column {
            label: sample.locale.text().product().to_owned(),
            numeric: false,
            sort: ColumnSort { href: Some("?sort=name".to_owned()), sorted: None },
        },
        price_column: Column {
            label: sample.locale.text().price().to_owned(),
            numeric: true,
            sort: ColumnSort {
                href: Some("?sort=-price".to_owned()),
                sorted: Some(SortDirection::Ascending),
            },
        },
        columns: Vec::new(),
        products: sample.list(products),
        form_action: "/c/bats".to_owned(),
        carried: sample.list(vec![("view".to_owned(), sample.say("table"))]),
        facets: facets(sample),
        chips: Vec::new(),
        clear_href: "/c/bats".to_owned(),
        sorts: sorts(sample),
        previous_href: None,
        next_href: Some("?page=2".to_owned()),
        page_number: 1,
        suggestions: suggestions(sample),
    }
}

fn bats(sample: &Sample) -> ListingPage {
    let column = |label: &str, numeric, sorted| Column {
        label: sample.say(label),
        numeric,
        sort: ColumnSort { href: Some("?sort=weight".to_owned()), sorted },
    };
    ListingPage {
        introduction: words(
            sample,
            "English and Kashmir willow, pressed and balanced by four makers. The weights are ours, measured with the grip on.",
            "चार निर्माताओं के इंग्लिश और कश्मीर विलो के बल्ले। वज़न हमने ग्रिप के साथ तौले हैं।",
        ),
        children: sample.list(
            [("English willow", "english"), ("Kashmir willow", "kashmir"), ("Harrow and junior", "junior")]
                .map(|(label, slug)| Link::new(sample.say(label), format!("/c/bats/{slug}")))
                .to_vec(),
        ),
        columns: sample.list(vec![
            column("Weight", true, Some(SortDirection::Ascending)),
            column("Grams", true, None),
            column("Grade", true, None),
            column("Grains", true, None),
            column("Middle", false, None),
        ]),
        chips: sample.list(vec![
            Link::new(sample.say("Longacre"), "/c/bats?weight_min=1077"),
            Link::new(sample.say("2 lb 6 oz and over"), "/c/bats?filter.brand=longacre"),
        ]),
        ..listing(sample, "Bats", Layout::Table, rack(sample))
    }
}

fn clothing(sample: &Sample) -> ListingPage {
    ListingPage {
        total: Total { value: 10_000, at_least: true },
        previous_href: Some("?page=1".to_owned()),
        page_number: 2,
        ..listing(sample, "Clothing", Layout::Grid, cards(sample))
    }
}

fn nothing(sample: &Sample) -> ListingPage {
    ListingPage {
        kind: ListingKind::Search {
            term: sample.say("harrow bat"),
            corrected: Some(Link::new(sample.say("harrow bats"), "/search?q=harrow+bats")),
        },
        crumbs: Vec::new(),
        total: Total { value: 0, at_least: false },
        products: Vec::new(),
        facets: Vec::new(),
        next_href: None,
        ..listing(sample, "", Layout::Grid, Vec::new())
    }
}

fn delivery_page(sample: &Sample) -> ContentPage {
    let siblings = [
        ("Delivery", "/pages/delivery"),
        ("Returns", "/pages/returns"),
        ("Privacy", "/pages/privacy"),
        ("Terms", "/pages/terms"),
    ];
    ContentPage {
        title: words(sample, "Delivery", "डिलीवरी"),
        body: RichText::from_markdown(&sample.say(
            "We pack every working day until four.\n\n## What it costs\n\n| To | Standard | Express |\n|---|---|---|\n\
             | Great Britain | £4.95, free over £75 | £9.50 |\n| Ireland | £8.00 | £15.00 |\n\n\
             ## Bats with work done to them\n\nKnocking in adds three days. We write to you when the bat is on the bench.",
        )),
        updated: Some(TODAY),
        siblings: sample.list(siblings.map(|(label, href)| Link::new(sample.say(label), href)).to_vec()),
    }
}
