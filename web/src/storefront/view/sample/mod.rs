//! Every page filled with plainly fictional goods and people: for the gallery, for tests over all
//! pages, for measuring how fast pages are made. Nothing a shop runs on uses it.

mod browse;
mod buy;
mod goods;
mod own;

use std::sync::Arc;

use jiff::civil::{Date, DateTime, date, datetime};

use super::branding::{Branding, Colour};
use super::parts::{Link, Notice, Picture, Tone};
use super::shell::{Category, Footer, Head, LanguageLink, Shell, ShellKind, Shop, Visitor};
use super::structured_data::{BreadcrumbData, OfferData, ProductData};
use super::{Page, StructuredData, paths};
use crate::illustration::{self, Kind, Spec};
use crate::l10n::{Amount, CurrencyCode, Locale};

/// What the texts of a sample are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As in a shop.
    Plain,
    /// Every text tries to break out of its place.
    Hostile,
    /// Every text is far too long.
    Long,
    /// Texts and lists are empty where they may be.
    Empty,
}

/// What a hostile text looks like; none of it may reach a page as it stands.
pub const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;{{7*7}}";

/// A shop that does not exist, and the manner of its texts.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub slug: &'static str,
    pub name: &'static str,
    pub tagline: &'static str,
    pub locale: Locale,
    pub currency: CurrencyCode,
    pub brand: Colour,
    pub mode: Mode,
}

/// Three shops in three currencies, the last in Hindi.
pub const SHOPS: [Sample; 3] = [
    Sample {
        slug: "willow",
        name: "Willow & Twine",
        tagline: "Cricket outfitters",
        locale: Locale::EN_GB,
        currency: CurrencyCode::GBP,
        brand: Colour::new(0x1d, 0x4a, 0x36),
        mode: Mode::Plain,
    },
    Sample {
        slug: "boundary",
        name: "Boundary",
        tagline: "Gear for long summers",
        locale: Locale::EN_AU,
        currency: CurrencyCode::AUD,
        brand: Colour::new(0xd9, 0x9a, 0x1f),
        mode: Mode::Plain,
    },
    Sample {
        slug: "maidan",
        name: "मैदान",
        tagline: "क्रिकेट का सामान",
        locale: Locale::HI_IN,
        currency: CurrencyCode::INR,
        brand: Colour::new(0x24, 0x3f, 0x8f),
        mode: Mode::Plain,
    },
];

/// One page of the gallery.
pub struct SamplePage {
    /// A file name without extension.
    pub name: &'static str,
    pub path: String,
    pub page: Box<dyn Page>,
}

impl Sample {
    pub fn branding(&self) -> Branding {
        Branding::new(self.brand)
    }

    /// All pages, each with the path it is shown under.
    pub fn pages(&self) -> Vec<SamplePage> {
        let mut pages = Vec::new();
        browse::pages(self, &mut pages);
        goods::pages(self, &mut pages);
        buy::pages(self, &mut pages);
        own::pages(self, &mut pages);
        pages
    }

    /// The frame of a page in one of the two shells.
    pub fn shell(&self, kind: ShellKind, path: &str) -> Shell {
        let empty = self.mode == Mode::Empty;
        Shell {
            shop: Arc::new(self.shop()),
            kind,
            locale: self.locale,
            base: String::new(),
            head: self.head(path),
            visitor: Visitor {
                signed_in_name: (!empty && path.starts_with(paths::PROFILE)).then(|| self.say("Meera Quill")),
                cart_count: if empty { 0 } else { 3 },
            },
            path: path.to_owned(),
            query: if path.starts_with(paths::SEARCH) { self.say("harrow bat") } else { String::new() },
            csrf: if empty { String::new() } else { self.say("sample-token") },
            notice: (path == paths::PROFILE && !empty).then(|| Notice {
                tone: Tone::Done,
                text: self.say("Your details are saved."),
                link: None,
            }),
        }
    }

    fn shop(&self) -> Shop {
        let empty = self.mode == Mode::Empty;
        let links = |entries: &[(&str, &str)]| {
            entries.iter().map(|(label, path)| Link::new(self.say(label), *path)).collect::<Vec<_>>()
        };
        Shop {
            name: self.say(self.name),
            tagline: self.say(self.tagline),
            stylesheet_url: format!("/brand/{}.css", self.slug),
            logo: None,
            favicon_url: format!("/brand/{}.svg", self.slug),
            manifest_url: None,
            theme_colour: self.brand.hex(),
            categories: if empty { Vec::new() } else { self.categories() },
            promise: (!empty).then(|| {
                Link::new(self.say("Free delivery over £75, returns within 30 days"), "/pages/delivery")
            }),
            footer: if empty {
                Footer::default()
            } else {
                Footer {
                    help: links(&[
                        ("Delivery", "/pages/delivery"),
                        ("Returns", "/pages/returns"),
                        ("Privacy", "/pages/privacy"),
                        ("Terms", "/pages/terms"),
                    ]),
                    legal_entity: vec![
                        self.say("Willow & Twine Ltd (a demonstration)"),
                        self.say("1 Pavilion Road, Example Town"),
                        self.say("Company 00000000"),
                    ],
                    contact: vec![self.say("hello@willow.example"), self.say("Monday to Saturday, 9 to 17")],
                    payment_methods: vec![self.say("Card"), self.say("Bank transfer")],
                }
            },
            languages: if self.locale == Locale::HI_IN && !empty {
                vec![
                    LanguageLink {
                        label: "हिन्दी".to_owned(),
                        tag: "hi-IN".to_owned(),
                        href: "/hi/".to_owned(),
                        current: true,
                    },
                    LanguageLink {
                        label: "English".to_owned(),
                        tag: "en-IN".to_owned(),
                        href: "/en/".to_owned(),
                        current: false,
                    },
                ]
            } else {
                Vec::new()
            },
        }
    }

    fn categories(&self) -> Vec<Category> {
        type Branch = (&'static str, &'static str, &'static [(&'static str, &'static str)]);
        let tree: [Branch; 7] = [
            (
                "Bats",
                "bats",
                &[
                    ("English willow", "english-willow"),
                    ("Kashmir willow", "kashmir-willow"),
                    ("Harrow and junior", "junior"),
                ],
            ),
            ("Pads", "pads", &[("Batting", "batting"), ("Wicket-keeping", "keeping")]),
            (
                "Gloves",
                "gloves",
                &[("Batting", "batting"), ("Wicket-keeping", "keeping"), ("Inners", "inners")],
            ),
            ("Helmets", "helmets", &[]),
            ("Balls", "balls", &[("Match", "match"), ("Training", "training")]),
            ("Clothing", "clothing", &[("Whites", "whites"), ("Sweaters", "sweaters"), ("Shoes", "shoes")]),
            ("Bags", "bags", &[]),
        ];
        tree.into_iter()
            .map(|(name, slug, children)| Category {
                name: self.say(name),
                href: format!("/c/{slug}"),
                children: children
                    .iter()
                    .map(|(name, child)| Category {
                        name: self.say(name),
                        href: format!("/c/{slug}/{child}"),
                        children: Vec::new(),
                    })
                    .collect(),
            })
            .collect()
    }

    fn head(&self, path: &str) -> Head {
        let url = |path: &str| format!("https://{}.example{path}", self.slug);
        if self.mode == Mode::Empty {
            return Head::default();
        }
        let structured_data = match path {
            "/" => vec![StructuredData::WebSite {
                name: self.say(self.name),
                url: url("/"),
                search_url: url(paths::SEARCH),
            }],
            path if path.starts_with("/p/") => vec![
                StructuredData::Product(ProductData {
                    name: self.say("Longacre Meridian"),
                    description: self.say("A bat"),
                    url: url(path),
                    image_urls: vec![url("/pictures/bat.crimson.7.svg")],
                    sku: Some(self.say("BAT-LM-1134")),
                    gtin: None,
                    brand: Some(self.say("Longacre")),
                    rating: None,
                    offers: vec![OfferData {
                        sku: self.say("BAT-LM-1134"),
                        url: url(path),
                        price: self.amount(28_900),
                        availability: super::parts::Availability::InStock,
                    }],
                }),
                StructuredData::Breadcrumbs(vec![BreadcrumbData {
                    name: self.say("Bats"),
                    url: url("/c/bats"),
                }]),
            ],
            _ => Vec::new(),
        };
        Head {
            description: self.say("Bats, pads, gloves and clothing, chosen and prepared by people who play."),
            canonical_url: Some(url(path)),
            no_index: path.starts_with("/account") || path.starts_with("/checkout") || path == paths::CART,
            structured_data,
            ..Head::default()
        }
    }

    /// A text in the sample's manner.
    fn say(&self, text: &str) -> String {
        match self.mode {
            Mode::Plain => text.to_owned(),
            Mode::Hostile => format!("{text} {HOSTILE}"),
            Mode::Long => format!("{text} {}", "Unverhältnismäßig/lang ".repeat(14)),
            Mode::Empty => String::new(),
        }
    }

    /// A code or an id: hostile if all is, but never empty, and as different as it was.
    fn code(&self, code: &str) -> String {
        match self.mode {
            Mode::Hostile => format!("{code}{HOSTILE}"),
            _ => code.to_owned(),
        }
    }

    /// A list, empty where all is.
    fn list<T>(&self, items: Vec<T>) -> Vec<T> {
        if self.mode == Mode::Empty { Vec::new() } else { items }
    }

    /// A price in the shop's money; rupees and dollars are not pounds.
    fn amount(&self, pence: i64) -> Amount {
        let minor = match self.currency.as_str() {
            "INR" => (pence * 105 / 10_000) * 10_000 - 100,
            "AUD" => pence * 19 / 10,
            _ => pence,
        };
        Amount::new(minor, self.currency)
    }

    fn picture(&self, kind: Kind, palette: &str, seed: u64) -> Picture {
        let spec = Spec::new(kind, palette, seed).expect("samples name palettes that exist");
        let url = self.code(&format!("/pictures/{spec}.svg"));
        Picture {
            large_url: Some(url.clone()),
            url,
            alt: self.say(kind.name()),
            width: illustration::WIDTH,
            height: illustration::HEIGHT,
        }
    }
}

const TODAY: Date = date(2025, 11, 22);
const NOW: DateTime = datetime(2025, 11, 22, 14, 27, 0, 0);
const HELD_UNTIL: DateTime = datetime(2025, 11, 22, 14, 32, 0, 0);
