//! More products than a hand can make: the same number gives the same products everywhere.

use super::plan::{Plan, PlannedVariant, choice, of_blade, palette};
use super::range::{Blade, Kind};
use gearify_web::illustration::Kind as Drawing;

const BRANDS: [&str; 8] =
    ["Longroom", "Fairbreak", "Kestrel", "Maidan Works", "Silly Point", "Covers", "Third Slip", "Oak & Ash"];

const LINES: [&str; 40] = [
    "Almanack",
    "Anchor",
    "Banner",
    "Beacon",
    "Boundary",
    "Captain",
    "Century",
    "Classic",
    "Compass",
    "Courier",
    "Crown",
    "Drover",
    "Dynamo",
    "Ember",
    "Endeavour",
    "Falcon",
    "Flint",
    "Foxglove",
    "Gale",
    "Granite",
    "Harbour",
    "Heron",
    "Ivory",
    "Jubilee",
    "Kingfisher",
    "Lantern",
    "Meridian",
    "Monarch",
    "Nimbus",
    "Orchard",
    "Pavilion",
    "Quarry",
    "Ranger",
    "Regent",
    "Sabre",
    "Summit",
    "Tempest",
    "Vanguard",
    "Willowherb",
    "Zenith",
];

const COLOURS: [&str; 12] =
    ["green", "navy", "red", "orange", "teal", "plum", "gold", "blue", "grey", "white", "pink", "cream"];

/// Goods that are grown, with what they are called and where they stand.
const SORTS: [Sort; 10] = [
    Sort {
        kind: Kind::Bat,
        category: "bats/english-willow",
        word: ("bat", "बल्ला"),
        pence: 19_900,
        drawing: Drawing::Bat,
    },
    Sort {
        kind: Kind::Pad, category: "pads", word: ("pads", "पैड"), pence: 5_900, drawing: Drawing::Pads
    },
    Sort {
        kind: Kind::Bat,
        category: "bats/kashmir-willow",
        word: ("Kashmir bat", "कश्मीर बल्ला"),
        pence: 6_400,
        drawing: Drawing::Bat,
    },
    Sort {
        kind: Kind::Glove,
        category: "gloves",
        word: ("gloves", "दस्ताने"),
        pence: 4_900,
        drawing: Drawing::BattingGloves,
    },
    Sort {
        kind: Kind::Helmet,
        category: "helmets",
        word: ("helmet", "हेलमेट"),
        pence: 6_900,
        drawing: Drawing::Helmet,
    },
    Sort {
        kind: Kind::Ball,
        category: "balls/match",
        word: ("ball", "गेंद"),
        pence: 1_900,
        drawing: Drawing::Ball,
    },
    Sort {
        kind: Kind::Bag, category: "bags", word: ("bag", "बैग"), pence: 6_200, drawing: Drawing::Bag
    },
    Sort {
        kind: Kind::Clothing,
        category: "clothing/training-wear",
        word: ("shirt", "शर्ट"),
        pence: 2_400,
        drawing: Drawing::Shirt,
    },
    Sort {
        kind: Kind::Shoe,
        category: "shoes",
        word: ("shoes", "जूते"),
        pence: 6_400,
        drawing: Drawing::Shoes,
    },
    Sort {
        kind: Kind::Protection,
        category: "protection",
        word: ("thigh guard", "थाई गार्ड"),
        pence: 2_600,
        drawing: Drawing::ThighGuard,
    },
];

struct Sort {
    kind: Kind,
    category: &'static str,
    word: (&'static str, &'static str),
    pence: i64,
    drawing: Drawing,
}

/// The `n`th grown product, counting from 0.
pub fn plan(n: u32) -> Plan {
    let mut dice = Dice(u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let sort = &SORTS[n as usize % SORTS.len()];
    let brand = BRANDS[dice.below(BRANDS.len())];
    let line = LINES[dice.below(LINES.len())];
    let colour = COLOURS[dice.below(COLOURS.len())];
    let number = n + 1;
    let (word, hindi) = sort.word;
    let pence = sort.pence + 500 * dice.below(40) as i64;
    let pictures = vec![(sort.drawing, palette(colour), u64::from(n % 4))];
    Plan {
        slug: format!("{}-{number}", slug_of(&format!("{brand} {line} {word}"))),
        kind: sort.kind,
        category: sort.category,
        brand,
        name: (format!("{brand} {line} {word} {number}"), format!("{brand} {line} {hindi} {number}")),
        text: (
            format!("The {line} {word} by {brand}, in {colour}. One of many that fill this demo shop."),
            format!("{brand} का {line} {hindi}। इस डेमो दुकान के अनेक उत्पादों में से एक।"),
        ),
        pictures,
        pence,
        was_percent: if dice.below(5) == 0 { 15 } else { 0 },
        attributes: attributes(sort, &mut dice),
        variants: variants(sort.kind, &format!("G{number:06}"), &mut dice),
        parts: &[],
    }
}

fn attributes(sort: &Sort, dice: &mut Dice) -> Vec<(&'static str, String)> {
    let mut pick = |code: &'static str, values: &[&str]| (code, values[dice.below(values.len())].to_owned());
    match sort.kind {
        Kind::Bat => {
            let willow = if sort.category.ends_with("kashmir-willow") { "kashmir" } else { "english" };
            vec![
                ("willow", willow.to_owned()),
                pick("sweet_spot", &["low", "mid", "mid_high", "high"]),
                pick("handle", &["round", "oval", "semi_oval"]),
            ]
        }
        Kind::Pad | Kind::Bag | Kind::Protection => vec![pick("level", &["pro", "club", "starter"])],
        Kind::Glove => vec![pick("level", &["pro", "club"]), pick("palm", &["calf", "sheep"])],
        Kind::Helmet => vec![pick("level", &["pro", "club"]), pick("grille", &["titanium", "steel"])],
        Kind::Ball => vec![("ball_use", "match".into()), pick("ball_colour", &["red", "white", "pink"])],
        Kind::Clothing => vec![pick("sleeve", &["short", "long"])],
        Kind::Shoe => vec![pick("sole", &["spikes", "rubber"])],
        Kind::Keeping | Kind::Accessory | Kind::Kit => Vec::new(),
    }
}

fn variants(kind: Kind, base: &str, dice: &mut Dice) -> Vec<PlannedVariant> {
    let sized = |values: &[&str], option: &'static str, grams: u32| -> Vec<PlannedVariant> {
        let of = |value: &&str| PlannedVariant {
            sku: format!("{base}-{}", value.replace(' ', "")),
            options: vec![choice(option, value)],
            shipping_grams: grams,
            ..PlannedVariant::default()
        };
        values.iter().map(of).collect()
    };
    match kind {
        Kind::Bat => {
            let lightest = 1_080 + 5 * dice.below(16) as u32;
            let grade = 1 + dice.below(3) as u8;
            let blades: [Blade; 3] = [
                ("SH", grade, lightest, 0),
                ("SH", grade, lightest + 50, 0),
                ("LH", grade, lightest + 85, 1_000),
            ];
            blades.iter().map(|blade| of_blade(base, blade)).collect()
        }
        Kind::Pad | Kind::Glove | Kind::Protection => sized(&["Men", "Youth"], "size", 900),
        Kind::Helmet => sized(&["S", "M", "L"], "size", 850),
        Kind::Clothing => sized(&["S", "M", "L", "XL"], "size", 200),
        Kind::Shoe => sized(&["7", "8", "9", "10"], "shoe_size", 800),
        Kind::Ball | Kind::Bag | Kind::Keeping | Kind::Accessory | Kind::Kit => {
            vec![PlannedVariant { sku: base.to_owned(), shipping_grams: 600, ..PlannedVariant::default() }]
        }
    }
}

fn slug_of(words: &str) -> String {
    let plain = words.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Repeatable choices: xorshift64*.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_thousand_products_differ_and_are_the_same_each_time() {
        let slugs: BTreeSet<String> = (0..1_000).map(|n| plan(n).slug).collect();
        assert_eq!(slugs.len(), 1_000);
        assert!(slugs.iter().all(|slug| gearify_commerce::text::Slug::parse(slug).is_ok()));
        assert_eq!(format!("{:?}", plan(321)), format!("{:?}", plan(321)));
        let brands: BTreeSet<&str> = (0..200).map(|n| plan(n).brand).collect();
        assert_eq!(brands.len(), BRANDS.len(), "chance reaches every brand");
    }
}
