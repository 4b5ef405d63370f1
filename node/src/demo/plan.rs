//! A product about to be made: the hand-made range and its grown relatives in one shape.

use super::items::ITEMS;
use super::range::{Blade, Item, Kind, LAST_BALL_SKU, Shape, Words, weight_class};
use gearify_web::illustration::Kind as Drawing;

#[derive(Clone, Debug)]
pub struct Plan {
    pub slug: String,
    pub kind: Kind,
    pub category: &'static str,
    pub brand: &'static str,
    pub name: (String, String),
    pub text: (String, String),
    pub pictures: Vec<Picture>,
    pub pence: i64,
    pub was_percent: i64,
    /// Attribute and value codes.
    pub attributes: Vec<(&'static str, String)>,
    pub variants: Vec<PlannedVariant>,
    /// Slugs of a kit's parts.
    pub parts: &'static [&'static str],
}

/// A drawing, its palette and the seed of its grain: equal ones are one picture.
pub type Picture = (Drawing, &'static str, u64);

#[derive(Clone, Debug, Default)]
pub struct PlannedVariant {
    pub sku: String,
    pub options: Vec<Choice>,
    pub shipping_grams: u32,
    pub extra_pence: i64,
    pub blade: Option<Blade>,
}

/// One choice of an option: its code, the value's code and label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Choice {
    pub option: &'static str,
    pub value: String,
    pub label: (String, String),
}

/// What shoppers choose: code and name.
pub const OPTIONS: &[(&str, Words)] = &[
    ("size", ("Size", "साइज़")),
    ("hand", ("Hand", "हाथ")),
    ("bat_weight", ("Weight", "वज़न")),
    ("colour", ("Colour", "रंग")),
    ("pack", ("Pack", "पैक")),
    ("shoe_size", ("Shoe size (UK)", "जूते का साइज़ (UK)")),
];

/// The whole hand-made range.
pub fn hand_made() -> Vec<Plan> {
    ITEMS.iter().enumerate().map(|(n, item)| of_item(n, item)).collect()
}

fn of_item(n: usize, item: &Item) -> Plan {
    let palette = palette(item.colour);
    let pictures = drawings(item).iter().map(|drawing| (*drawing, palette, n as u64)).collect();
    let own = |words: Words| (words.0.to_owned(), words.1.to_owned());
    let base = format!("{}{:03}", &item.brand.to_ascii_uppercase()[..3], n + 1);
    let parts = match item.shape {
        Shape::Parts(parts) => parts,
        _ => &[],
    };
    Plan {
        slug: item.slug.to_owned(),
        kind: item.kind,
        category: item.category,
        brand: item.brand,
        name: own(item.name),
        text: own(item.text),
        pictures,
        pence: item.pence,
        was_percent: item.was_percent,
        attributes: item.attributes.iter().map(|(code, value)| (*code, value.replace('-', "_"))).collect(),
        variants: variants(&base, item),
        parts,
    }
}

fn variants(base: &str, item: &Item) -> Vec<PlannedVariant> {
    match item.shape {
        Shape::Blades(blades) => blades.iter().map(|blade| of_blade(base, blade)).collect(),
        Shape::Options(option, values) => values
            .iter()
            .map(|(value, grams, extra)| PlannedVariant {
                sku: format!("{base}-{}", sku_part(value)),
                options: vec![choice(option, value)],
                shipping_grams: *grams,
                extra_pence: *extra,
                blade: None,
            })
            .collect(),
        Shape::SizeAndHand(sizes, grams) => {
            let hands = ["Right", "Left"];
            let both = sizes.iter().flat_map(|size| hands.iter().map(move |hand| (*size, *hand)));
            both.map(|(size, hand)| PlannedVariant {
                sku: format!("{base}-{}-{}", sku_part(size), &hand[..1]),
                options: vec![choice("size", size), choice("hand", hand)],
                shipping_grams: grams,
                ..PlannedVariant::default()
            })
            .collect()
        }
        Shape::Single(grams) => {
            let sku = if item.slug == "the-last-ball" { LAST_BALL_SKU.to_owned() } else { base.to_owned() };
            vec![PlannedVariant { sku, shipping_grams: grams, ..PlannedVariant::default() }]
        }
        Shape::Parts(_) => {
            vec![PlannedVariant { sku: base.to_owned(), shipping_grams: 9_000, ..PlannedVariant::default() }]
        }
    }
}

pub fn of_blade(base: &str, blade: &Blade) -> PlannedVariant {
    let (size, _, grams, extra) = *blade;
    let (pounds, ounces) = pounds_and_ounces(grams);
    let weight = format!("{grams} g ({pounds} lb {ounces} oz)");
    let label = (weight.clone(), weight);
    PlannedVariant {
        sku: format!("{base}-{}-{grams}", sku_part(size)),
        options: vec![
            choice("size", size),
            Choice { option: "bat_weight", value: format!("{grams}g"), label },
        ],
        // A bat travels in a box.
        shipping_grams: grams + 350,
        extra_pence: extra,
        blade: Some(*blade),
    }
}

/// Whole ounces, as bats are weighed in the trade.
fn pounds_and_ounces(grams: u32) -> (u32, u32) {
    // 28.349523125 g to the ounce, in millionths; rounded half up.
    let ounces = (u64::from(grams) * 1_000_000_000 + 14_174_761_562) / 28_349_523_125;
    ((ounces / 16) as u32, (ounces % 16) as u32)
}

/// Sizes in the order shops hang them: bats by their handles, then clothes, then people.
const SIZES: &[&str] = &[
    "4", "5", "6", "harrow", "academy", "sh", "lh", "xs", "s", "s_m", "m", "l", "l_xl", "xl", "boys",
    "youth", "women", "men", "men_l",
];

/// Where a value stands among those of its option; equal ones keep the order of the range.
pub fn rank(choice: &Choice) -> u32 {
    let digits = choice.value.trim_start_matches(|c: char| !c.is_ascii_digit());
    let number: String = digits.chars().take_while(char::is_ascii_digit).collect();
    match choice.option {
        "bat_weight" | "shoe_size" | "pack" => number.parse().unwrap_or(u32::MAX),
        "size" => {
            let known = |size: &str| choice.value == size || choice.value.starts_with(&format!("{size}_"));
            SIZES.iter().rposition(|size| known(size)).map_or(u32::MAX, |place| place as u32)
        }
        _ => 0,
    }
}

pub fn choice(option: &'static str, value: &str) -> Choice {
    let is_number = option == "size" && value.bytes().all(|byte| byte.is_ascii_digit());
    let english = match value {
        "SH" => "Short Handle".to_owned(),
        "LH" => "Long Handle".to_owned(),
        number if is_number => format!("Size {number}"),
        other => other.to_owned(),
    };
    let hindi = match value {
        number if is_number => &format!("साइज़ {number}"),
        "SH" => "शॉर्ट हैंडल",
        "LH" => "लॉन्ग हैंडल",
        "Right" => "दायाँ",
        "Left" => "बायाँ",
        "Men" => "पुरुष",
        "Men L" => "पुरुष L",
        "Youth" => "किशोर",
        "Boys" => "बच्चे",
        "Green" => "हरा",
        "Navy" => "नेवी",
        "Orange" => "नारंगी",
        "Black" => "काला",
        "White" => "सफ़ेद",
        other => other,
    };
    Choice { option, value: code_part(value), label: (english, hindi.to_owned()) }
}

fn code_part(value: &str) -> String {
    let plain = value.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    plain.trim_matches('_').to_owned()
}

fn sku_part(value: &str) -> String {
    value.to_ascii_uppercase().chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Attribute codes and values of a variant's blade.
pub fn blade_attributes(blade: &Blade) -> (Option<String>, u32, &'static str) {
    let (_, grade, grams, _) = *blade;
    ((grade > 0).then(|| format!("grade_{grade}")), grams, weight_class(grams))
}

fn drawings(item: &Item) -> &'static [Drawing] {
    let is = |word: &str| item.slug.contains(word);
    match item.kind {
        Kind::Bat => &[Drawing::Bat, Drawing::BatBack],
        Kind::Pad => &[Drawing::Pads],
        Kind::Glove => &[Drawing::BattingGloves],
        Kind::Helmet => &[Drawing::Helmet],
        Kind::Ball => &[Drawing::Ball],
        Kind::Bag => &[Drawing::Bag],
        Kind::Clothing if is("trousers") => &[Drawing::Trousers],
        Kind::Clothing if is("sweater") => &[Drawing::Sweater],
        Kind::Clothing if is("cap") || is("hat") => &[Drawing::Cap],
        Kind::Clothing => &[Drawing::Shirt],
        Kind::Shoe => &[Drawing::Shoes],
        Kind::Protection if is("neck") => &[Drawing::Helmet],
        Kind::Protection => &[Drawing::ThighGuard],
        Kind::Keeping if is("pads") => &[Drawing::Pads],
        Kind::Keeping => &[Drawing::KeepingGloves],
        Kind::Accessory if is("grip") => &[Drawing::Grip],
        Kind::Accessory if is("stumps") => &[Drawing::Stumps],
        Kind::Accessory if is("oil") => &[Drawing::Oil],
        Kind::Accessory if is("mallet") => &[Drawing::Mallet],
        Kind::Accessory => &[Drawing::Care],
        Kind::Kit => &[Drawing::KitSet],
    }
}

/// The palette of a colour word.
pub fn palette(colour: &str) -> &'static str {
    match colour {
        "red" => "crimson",
        "navy" => "navy",
        "green" => "forest",
        "gold" => "ochre",
        "teal" => "teal",
        "plum" => "plum",
        "grey" => "graphite",
        "blue" => "royal",
        "pink" => "rose",
        "orange" => "saffron",
        _ => "ivory",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_sku_and_every_combination_is_there_once() {
        let plans = hand_made();
        let skus: Vec<&str> = plans.iter().flat_map(|plan| &plan.variants).map(|v| v.sku.as_str()).collect();
        let distinct: BTreeSet<_> = skus.iter().collect();
        assert_eq!(distinct.len(), skus.len());
        assert!(distinct.contains(&LAST_BALL_SKU));
        for plan in &plans {
            let combinations: BTreeSet<_> = plan.variants.iter().map(|variant| &variant.options).collect();
            assert_eq!(combinations.len(), plan.variants.len(), "{}", plan.slug);
        }
    }

    #[test]
    fn weights_are_told_in_pounds_and_ounces() {
        assert_eq!(pounds_and_ounces(1_134), (2, 8));
        assert_eq!(pounds_and_ounces(1_247), (2, 12));
        assert_eq!(pounds_and_ounces(453), (1, 0));
    }

    #[test]
    fn a_bat_has_its_back_drawn_too() {
        let bat = &hand_made()[0];
        assert_eq!(bat.pictures.len(), 2);
        assert_eq!(bat.variants[0].sku, "LON001-SH-1134");
        assert_eq!(bat.variants[0].options[1].label.0, "1134 g (2 lb 8 oz)");
    }
}
