//! Products.

use super::super::parts::{Availability, DeliveryWindow, Link, PriceTag, Rating, Spec};
use super::super::product::{
    AddOn, DeliveryNote, KitPart, OptionGroup, OptionValue, ProductPage, SizeGuide, SizeRow, TaxNote,
    VariantData,
};
use super::super::rich_text::RichText;
use super::browse::cards;
use super::{Mode, Sample, SamplePage, TODAY};
use crate::illustration::Kind;
use crate::l10n::pounds_and_ounces;

pub(super) fn pages(sample: &Sample, pages: &mut Vec<SamplePage>) {
    let mut add = |name, path: &str, page: Box<dyn super::Page>| {
        pages.push(SamplePage { name, path: path.to_owned(), page });
    };
    add("product", "/p/longacre-meridian", Box::new(bat(sample)));
    add("product-sold-out", "/p/tern-lamp", Box::new(sold_out(sample)));
}

fn bat(sample: &Sample) -> ProductPage {
    let weights = [
        (1106, Availability::InStock),
        (1134, Availability::InStock),
        (1162, Availability::LowStock { left: Some(2) }),
        (1191, Availability::OutOfStock),
    ];
    let sizes = [("sh", "Short handle"), ("lh", "Long handle"), ("lb", "Long blade")];
    let mut variants = Vec::new();
    for (grams, availability) in weights {
        for (size, _) in sizes {
            variants.push(VariantData {
                sku: format!("BAT-LM-{grams}-{size}"),
                options: vec![
                    ("size".to_owned(), sample.code(size)),
                    ("weight".to_owned(), sample.code(&grams.to_string())),
                ],
                price: sample.amount(if size == "lb" { 29_900 } else { 28_900 }),
                compare_at: (size != "lb").then(|| sample.amount(31_500)),
                availability: if size == "lb" { Availability::OutOfStock } else { availability },
            });
        }
    }
    ProductPage {
        id: sample.code("product_01meridian"),
        name: sample.say("Longacre Meridian"),
        brand: Some(Link::new(sample.say("Longacre"), "/search?filter.brand=longacre")),
        crumbs: sample.list(vec![
            Link::new(sample.locale.text().home(), "/"),
            Link::new(sample.say("Bats"), "/c/bats"),
            Link::new(sample.say("Longacre Meridian"), ""),
        ]),
        pictures: sample.list(vec![
            sample.picture(Kind::Bat, "crimson", 20),
            sample.picture(Kind::BatBack, "crimson", 20),
            sample.picture(Kind::Grip, "crimson", 20),
        ]),
        price: PriceTag { price: Some(sample.amount(28_900)), from: false, compare_at: Some(sample.amount(31_500)) },
        tax_note: TaxNote::Included,
        lowest_price: Some(sample.amount(27_500)),
        availability: Availability::InStock,
        rating: Some(Rating { tenths: 47, count: 58 }),
        summary: sample.say("A mid-middle bat with full edges and a light pick-up, for players who drive on the up and still want to cut."),
        options: sample.list(vec![
            OptionGroup {
                code: sample.code("size"),
                label: sample.say("Size"),
                hint: Some(sample.say("Short handle suits most players from 5 ft 7 in")),
                values: sizes
                    .map(|(code, label)| OptionValue {
                        combines: true,
                        code: sample.code(code),
                        label: sample.say(label),
                        detail: None,
                        selected: code == "sh",
                        availability: if code == "lb" { Availability::OutOfStock } else { Availability::InStock },
                    })
                    .to_vec(),
            },
            OptionGroup {
                code: sample.code("weight"),
                label: sample.say("Weight"),
                hint: None,
                values: weights
                    .map(|(grams, availability)| OptionValue {
                        combines: true,
                        code: sample.code(&grams.to_string()),
                        label: sample.say(&pounds_and_ounces(grams)),
                        detail: Some(sample.say(&format!("{grams} g"))),
                        selected: grams == 1134,
                        availability,
                    })
                    .to_vec(),
            },
        ]),
        variants,
        sku: Some(sample.code("BAT-LM-1134-sh")),
        kit: Vec::new(),
        add_ons: sample.list(vec![
            AddOn {
                id: sample.code("knock"),
                name: sample.say("Knocking in"),
                description: sample.say("Six hours under the mallet, an hour by hand. Ready to play."),
                price: sample.amount(3_000),
                lead_days: Some(3),
                returnable: false,
                selected: true,
            },
            AddOn {
                id: sample.code("oil"),
                name: sample.say("Oiling"),
                description: sample.say("Two light coats of raw linseed."),
                price: sample.amount(600),
                lead_days: Some(1),
                returnable: false,
                selected: false,
            },
            AddOn {
                id: sample.code("toe"),
                name: sample.say("Toe binding"),
                description: sample.say("Twine and resin where yorkers land."),
                price: sample.amount(1_200),
                lead_days: None,
                returnable: true,
                selected: false,
            },
        ]),
        quantity: 1,
        quantity_max: 9,
        delivery: (sample.mode != Mode::Empty).then(|| DeliveryNote {
            destination: sample.say("M1 2AB, Great Britain"),
            window: Some(DeliveryWindow { from: TODAY + jiff::Span::new().days(5), to: TODAY + jiff::Span::new().days(7) }),
            price_from: Some(sample.amount(495)),
            refused: false,
        }),
        description: RichText::under_heading(&sample.say(
            "The Meridian has its middle 20 cm above the toe, where most club pitches ask for it. Pressed twice, \
             so it opens early.\n\n### Looking after it\n\n- Knock it in, or have it done here\n- Keep it from radiators\n\
             - A light coat of oil in spring\n\nGrains are counted on the face; colour says nothing about how it plays.",
        )),
        specs: sample.list(
            [
                ("Willow", "English, grade 1"),
                ("Grains", "8 to 10"),
                ("Edges", "38 mm"),
                ("Spine", "62 mm"),
                ("Middle", "Mid, 200 mm from the toe"),
                ("Handle", "12-piece cane, semi-oval"),
                ("Pressed", "Twice"),
            ]
            .map(|(label, value)| Spec::new(sample.say(label), sample.say(value)))
            .to_vec(),
        ),
        compare_href: Some("/compare?p=meridian".to_owned()),
        size_guide: (sample.mode != Mode::Empty).then(|| SizeGuide {
            option: sample.code("size"),
            heads: ["Size", "Your height", "Bat length"].map(|head| sample.say(head)).to_vec(),
            rows: [["Harrow", "5 ft 2 – 5 ft 6", "84 cm"], ["Short handle", "5 ft 7 – 6 ft 2", "85 cm"], ["Long blade", "over 6 ft 2", "89 cm"]]
                .map(|row| SizeRow {
                    cells: row.map(|cell| sample.say(cell)).to_vec(),
                    offered: row[0] == "Harrow",
                })
                .to_vec(),
            note: sample.say("Between two sizes, take the shorter one."),
        }),
        related: sample.list(cards(sample).into_iter().skip(1).take(4).collect()),
        error: (sample.mode == Mode::Hostile).then(|| sample.say("Choose a weight first")),
        added: sample.mode == Mode::Long,
    }
}

fn sold_out(sample: &Sample) -> ProductPage {
    ProductPage {
        kit: sample.list(vec![
            KitPart { pieces: 1, goods: Link::new(sample.say("Tern Lamp helmet, Medium"), "/p/tern-lamp") },
            KitPart { pieces: 2, goods: Link::new(sample.say("Neck guard"), "") },
        ]),
        name: sample.say("Tern Lamp helmet"),
        pictures: sample.list(vec![sample.picture(Kind::Helmet, "navy", 5)]),
        price: PriceTag::plain(sample.amount(7_900)),
        lowest_price: None,
        availability: Availability::OutOfStock,
        rating: None,
        options: Vec::new(),
        variants: Vec::new(),
        add_ons: Vec::new(),
        compare_href: None,
        size_guide: None,
        delivery: Some(DeliveryNote {
            destination: sample.say("Antarctica"),
            window: None,
            price_from: None,
            refused: true,
        }),
        error: Some(sample.say("The last one was sold a moment ago. We have kept the rest of your basket.")),
        tax_note: TaxNote::Silent,
        ..bat(sample)
    }
}
