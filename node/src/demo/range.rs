//! The demo range: what the three demo shops sell, as plain data.
//!
//! Brands, products and people here are made up. Prices are given once, in pence, and converted to the
//! other shops' currencies by whole-number rules, so that the same program always makes the same shops.

/// Kinds of goods, the product types of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Bat,
    Pad,
    Glove,
    Helmet,
    Ball,
    Bag,
    Clothing,
    Shoe,
    Protection,
    Keeping,
    Accessory,
    Kit,
}

impl Kind {
    pub const ALL: [Kind; 12] = [
        Kind::Bat,
        Kind::Pad,
        Kind::Glove,
        Kind::Helmet,
        Kind::Ball,
        Kind::Bag,
        Kind::Clothing,
        Kind::Shoe,
        Kind::Protection,
        Kind::Keeping,
        Kind::Accessory,
        Kind::Kit,
    ];

    /// The code of the product type, also the shape that is drawn.
    pub fn code(self) -> &'static str {
        match self {
            Kind::Bat => "bat",
            Kind::Pad => "pad",
            Kind::Glove => "glove",
            Kind::Helmet => "helmet",
            Kind::Ball => "ball",
            Kind::Bag => "bag",
            Kind::Clothing => "clothing",
            Kind::Shoe => "shoe",
            Kind::Protection => "protection",
            Kind::Keeping => "keeping",
            Kind::Accessory => "accessory",
            Kind::Kit => "kit",
        }
    }

    /// In English and in Hindi.
    pub fn name(self) -> Words {
        match self {
            Kind::Bat => ("Bat", "बल्ला"),
            Kind::Pad => ("Batting pads", "बैटिंग पैड"),
            Kind::Glove => ("Batting gloves", "बैटिंग दस्ताने"),
            Kind::Helmet => ("Helmet", "हेलमेट"),
            Kind::Ball => ("Ball", "गेंद"),
            Kind::Bag => ("Bag", "बैग"),
            Kind::Clothing => ("Clothing", "कपड़े"),
            Kind::Shoe => ("Shoes", "जूते"),
            Kind::Protection => ("Protection", "सुरक्षा गियर"),
            Kind::Keeping => ("Wicket-keeping", "विकेट-कीपिंग"),
            Kind::Accessory => ("Accessory", "सहायक सामान"),
            Kind::Kit => ("Kit", "किट"),
        }
    }
}

/// English, Hindi.
pub type Words = (&'static str, &'static str);

/// A category with its path; parents come before children.
pub const CATEGORIES: &[(&str, Words)] = &[
    ("bats", ("Bats", "बल्ले")),
    ("bats/english-willow", ("English willow", "इंग्लिश विलो")),
    ("bats/kashmir-willow", ("Kashmir willow", "कश्मीर विलो")),
    ("bats/junior", ("Junior bats", "जूनियर बल्ले")),
    ("bats/training", ("Training bats", "अभ्यास बल्ले")),
    ("pads", ("Batting pads", "बैटिंग पैड")),
    ("gloves", ("Batting gloves", "बैटिंग दस्ताने")),
    ("helmets", ("Helmets", "हेलमेट")),
    ("protection", ("Body protection", "शरीर की सुरक्षा")),
    ("keeping", ("Wicket-keeping", "विकेट-कीपिंग")),
    ("balls", ("Balls", "गेंदें")),
    ("balls/match", ("Match balls", "मैच गेंदें")),
    ("balls/training", ("Training balls", "अभ्यास गेंदें")),
    ("bags", ("Bags", "बैग")),
    ("clothing", ("Clothing", "कपड़े")),
    ("clothing/whites", ("Whites", "सफ़ेद पोशाक")),
    ("clothing/training-wear", ("Training wear", "अभ्यास के कपड़े")),
    ("shoes", ("Shoes", "जूते")),
    ("accessories", ("Accessories", "सहायक सामान")),
    ("kits", ("Kits", "किट")),
];

/// A bat as it lies in the rack: size, grade (0: no grade), weight in grams, pence above the base price.
pub type Blade = (&'static str, u8, u32, i64);

/// How the variants of a product come about.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Each blade is a variant of its own.
    Blades(&'static [Blade]),
    /// One option: its code, then value, shipping weight in grams, pence above the base price.
    Options(&'static str, &'static [(&'static str, u32, i64)]),
    /// Two options: sizes and hands.
    SizeAndHand(&'static [&'static str], u32),
    /// Shipping weight in grams.
    Single(u32),
    /// A kit: slugs of its parts, one piece each, in their first variant.
    Parts(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub slug: &'static str,
    pub kind: Kind,
    pub category: &'static str,
    pub brand: &'static str,
    pub name: Words,
    pub text: Words,
    /// A colour word of the drawings.
    pub colour: &'static str,
    pub pence: i64,
    /// Percent above the price that is struck through; 0 for none.
    pub was_percent: i64,
    /// Attribute codes with enum values.
    pub attributes: &'static [(&'static str, &'static str)],
    pub shape: Shape,
}

/// Add-ons of bats: code, names, what it does, pence, lead days.
pub const ADD_ONS: &[(&str, Words, Words, i64, u16)] = &[
    (
        "knocking-in",
        ("Knocking in", "नॉकिंग"),
        (
            "Six hours under the mallet, so the face is ready for a hard ball.",
            "छह घंटे मैलेट से तैयार, ताकि बल्ले का मुख सख़्त गेंद के लिए तैयार हो।",
        ),
        1_800,
        3,
    ),
    (
        "oiling",
        ("Oiling", "तेल लगाना"),
        ("Two coats of raw linseed oil, dried flat.", "कच्चे अलसी के तेल की दो परतें, सपाट सुखाई हुई।"),
        600,
        1,
    ),
    (
        "toe-binding",
        ("Toe binding", "टो बाइंडिंग"),
        (
            "A bound and sealed toe keeps damp out and splits away.",
            "बँधा और सील किया हुआ सिरा नमी और दरारों से बचाता है।",
        ),
        900,
        2,
    ),
];

/// Taxes of a shop's home: when due, code, rate in ppm; and whether prices include them.
pub type Taxes = (&'static [(&'static str, &'static str, u32)], bool);

/// A shop of the demo.
#[derive(Clone, Copy, Debug)]
pub struct Shop {
    pub slug: &'static str,
    pub name: &'static str,
    pub currency: &'static str,
    /// The first is the shop's default.
    pub locales: &'static [&'static str],
    pub country: &'static str,
    pub country_name: &'static str,
    pub time_zone: &'static str,
    /// Hex colours: header, primary, secondary.
    pub colours: [&'static str; 3],
    /// The seller's own region, where taxes depend on it.
    pub home_region: Option<&'static str>,
    /// Taxes: when due, code, rate in ppm; and whether prices include them.
    pub tax: Taxes,
    /// Code and name of two warehouses, the better one first.
    pub warehouses: [(&'static str, &'static str); 2],
    pub number_prefix: &'static str,
    pub legal_name: &'static str,
}

pub const SHOPS: [Shop; 3] = [
    Shop {
        slug: "willow",
        name: "Willow & Seam",
        currency: "GBP",
        locales: &["en-GB"],
        country: "GB",
        country_name: "United Kingdom",
        time_zone: "Europe/London",
        colours: ["#1f3d2b", "#1f3d2b", "#c9b27c"],
        home_region: None,
        tax: (&[("always", "VAT", 200_000)], true),
        warehouses: [("NOR", "Norbury store"), ("HAW", "Haworth store")],
        number_prefix: "W",
        legal_name: "Willow & Seam Demo Ltd",
    },
    Shop {
        slug: "boundary",
        name: "Boundary Rope",
        currency: "AUD",
        locales: &["en-AU"],
        country: "AU",
        country_name: "Australia",
        time_zone: "Australia/Melbourne",
        colours: ["#12355b", "#12355b", "#e0a526"],
        home_region: None,
        tax: (&[("always", "GST", 100_000)], true),
        warehouses: [("MEL", "Melbourne store"), ("PER", "Perth store")],
        number_prefix: "B",
        legal_name: "Boundary Rope Demo Pty Ltd",
    },
    Shop {
        slug: "maidan",
        name: "Maidan Cricket House",
        currency: "INR",
        locales: &["hi-IN", "en-IN"],
        country: "IN",
        country_name: "India",
        time_zone: "Asia/Kolkata",
        colours: ["#7a1f2b", "#7a1f2b", "#d98e2b"],
        home_region: Some("IN-MH"),
        tax: (&[("within", "CGST", 90_000), ("within", "SGST", 90_000), ("across", "IGST", 180_000)], true),
        warehouses: [("MUM", "Mumbai store"), ("KOL", "Kolkata store")],
        number_prefix: "M",
        legal_name: "Maidan Cricket House Demo Pvt Ltd",
    },
];

/// A price of the range in a shop's currency, minor units, rounded to what a price tag there ends in.
pub fn price_in(currency: &str, pence: i64) -> i64 {
    match currency {
        "AUD" => charm(pence * 195 / 100, 500, 5),
        "INR" => charm(pence * 106, 10_000, 100),
        _ => pence,
    }
}

/// The next multiple of `step` from `minor` on, less `ending`; small prices are rounded to 50 only.
fn charm(minor: i64, step: i64, ending: i64) -> i64 {
    if minor < 3 * step {
        return (minor + 49) / 50 * 50;
    }
    (minor + step - 1) / step * step - ending
}

/// The class of a bat by its weight, as the filter names it.
pub fn weight_class(grams: u32) -> &'static str {
    match grams {
        0..1_160 => "light",
        1_160..1_220 => "medium",
        _ => "heavy",
    }
}

/// The exact stock of the one variant that sells out.
pub const LAST_BALL_SKU: &str = "LAST-BALL";
pub const LAST_BALL_PIECES: i64 = 10;

#[cfg(test)]
mod tests {
    use super::super::items::ITEMS;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn prices_end_as_price_tags_do() {
        assert_eq!(price_in("GBP", 24_900), 24_900);
        assert_eq!(price_in("AUD", 24_900), 48_995);
        assert_eq!(price_in("INR", 24_900), 2_639_900);
        assert_eq!(price_in("AUD", 450), 900);
    }

    #[test]
    fn the_range_is_whole() {
        let slugs: BTreeSet<_> = ITEMS.iter().map(|item| item.slug).collect();
        assert_eq!(slugs.len(), ITEMS.len(), "a slug twice");
        let paths: BTreeSet<_> = CATEGORIES.iter().map(|(path, _)| *path).collect();
        for item in ITEMS {
            assert!(paths.contains(item.category), "{} is in no category", item.slug);
            assert!(item.pence > 0 && !item.name.1.is_empty() && !item.text.1.is_empty(), "{}", item.slug);
            if let Shape::Parts(parts) = item.shape {
                assert!(parts.iter().all(|part| slugs.contains(part)), "{} misses a part", item.slug);
            }
        }
        for kind in Kind::ALL {
            assert!(ITEMS.iter().any(|item| item.kind == kind), "nothing of {kind:?}");
        }
    }
}
