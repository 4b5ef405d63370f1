//! What a merchant defines once and products refer to: attributes, product types, options, categories,
//! add-ons, media.

use crate::code::Code;
use crate::ids::{AddOnId, CategoryId, MediaId};
use crate::locale::Locale;
use crate::money::Currency;
use crate::scope::{Present, Table};
use crate::tenants::{BlobHash, Colour};
use crate::text::{Slug, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const ATTRIBUTES_MAX: usize = 300;
pub const CHOICES_MAX: usize = 300;
pub const PRODUCT_TYPES_MAX: usize = 100;
pub const OPTIONS_MAX: usize = 100;
pub const OPTION_VALUES_MAX: usize = 500;
pub const CATEGORIES_MAX: usize = 1_000;
pub const CATEGORY_DEPTH_MAX: usize = 6;
pub const ADD_ONS_MAX: usize = 200;

/// A typed property of products or variants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    pub revision: u64,
    pub details: AttributeDetails,
}
gearify_storage::first_version!(Attribute);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeDetails {
    pub code: Code,
    pub name: Text,
    pub kind: AttributeKind,
    pub level: Level,
    /// Offered as a filter.
    pub facet: bool,
    /// Offered as an order of lists.
    pub sortable: bool,
    /// Shown when products are compared.
    pub compared: bool,
    pub position: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeKind {
    /// One of these, in this order. A value may be added and renamed, never taken away.
    Choice {
        values: Vec<Choice>,
    },
    /// A whole number of `10^-decimals` units: 1150 with 0 decimals is 1,150 g, 25 with 1 is 2.5.
    Number {
        unit: Option<Unit>,
        decimals: u8,
    },
    Boolean,
    Text,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub code: Code,
    pub label: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    Product,
    Variant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    Gram,
    Millimetre,
    Centimetre,
    Inch,
    Litre,
    Year,
    Over,
}

impl Unit {
    pub const ALL: [Unit; 7] =
        [Unit::Gram, Unit::Millimetre, Unit::Centimetre, Unit::Inch, Unit::Litre, Unit::Year, Unit::Over];

    /// Its sign in machine formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Gram => "g",
            Unit::Millimetre => "mm",
            Unit::Centimetre => "cm",
            Unit::Inch => "in",
            Unit::Litre => "l",
            Unit::Year => "year",
            Unit::Over => "over",
        }
    }

    pub fn parse(text: &str) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| unit.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    Choice(Code),
    Number(i64),
    Boolean(bool),
    Text(Text),
}

/// Weight of one piece in grams; of every variant, since bats of one make differ.
pub const WEIGHT: &str = "weight";
/// Quality of the willow.
pub const GRADE: &str = "grade";
/// Light, medium or heavy.
pub const WEIGHT_CLASS: &str = "weight_class";

/// Definitions that every shop has until it writes its own under the same code.
pub fn built_in_attributes() -> Vec<Attribute> {
    let code = |text: &str| Code::parse(text).expect("built-in codes are well formed");
    let english = |words: &str| Text::new(Locale::parse("en").expect("a well-formed tag"), words);
    let choices = |pairs: &[(&str, &str)]| AttributeKind::Choice {
        values: pairs.iter().map(|(c, label)| Choice { code: code(c), label: english(label) }).collect(),
    };
    let define = |text: &str, name: &str, kind, sortable, position| Attribute {
        revision: 0,
        details: AttributeDetails {
            code: code(text),
            name: english(name),
            kind,
            level: Level::Variant,
            facet: true,
            sortable,
            compared: true,
            position,
        },
    };
    let grams = AttributeKind::Number { unit: Some(Unit::Gram), decimals: 0 };
    let classes = choices(&[("light", "Light"), ("medium", "Medium"), ("heavy", "Heavy")]);
    let grades = choices(&[("a", "Grade A"), ("b", "Grade B"), ("c", "Grade C")]);
    vec![
        define(GRADE, "Grade", grades, false, 1),
        define(WEIGHT, "Weight", grams, true, 2),
        define(WEIGHT_CLASS, "Weight class", classes, false, 3),
    ]
}

/// Bat, pad, kit: which attributes its products and their variants have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductType {
    pub revision: u64,
    pub details: ProductTypeDetails,
}
gearify_storage::first_version!(ProductType);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductTypeDetails {
    pub code: Code,
    pub name: Text,
    pub attributes: Vec<Code>,
}

/// What a shopper chooses: size, hand, colour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionType {
    pub revision: u64,
    pub details: OptionTypeDetails,
}
gearify_storage::first_version!(OptionType);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionTypeDetails {
    pub code: Code,
    pub name: Text,
}

/// One way to choose: `Short Handle`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionValue {
    pub revision: u64,
    pub details: OptionValueDetails,
}
gearify_storage::first_version!(OptionValue);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionValueDetails {
    pub option: Code,
    pub code: Code,
    pub label: Text,
    pub swatch: Option<Colour>,
    pub position: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    pub id: CategoryId,
    pub revision: u64,
    /// Slugs from the root down: `bats/english-willow`.
    pub path: String,
    pub archived: bool,
    pub details: CategoryDetails,
}
gearify_storage::first_version!(Category);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryDetails {
    pub parent: Option<CategoryId>,
    pub slug: Slug,
    pub name: Text,
    pub description: Text,
    pub image: Option<MediaId>,
    /// Among its siblings.
    pub position: u32,
}

/// Work done on what is sold: knocking in, oiling, a toe guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddOn {
    pub id: AddOnId,
    pub revision: u64,
    pub archived: bool,
    pub details: AddOnDetails,
}
gearify_storage::first_version!(AddOn);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddOnDetails {
    pub kind: AddOnKind,
    pub name: Text,
    pub description: Text,
    pub product_types: Vec<Code>,
    /// Minor units, in the tax mode of the currency's price list.
    pub prices: BTreeMap<Currency, i64>,
    pub lead_days: u16,
    /// Once done, the goods can't come back.
    pub not_returnable: bool,
    pub tax_category: Code,
    pub position: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddOnKind {
    Knocking,
    Oiling,
    ToeBinding,
    AntiScuff,
    Grip,
    Other,
}

impl AddOnKind {
    pub const ALL: [AddOnKind; 6] = [
        AddOnKind::Knocking,
        AddOnKind::Oiling,
        AddOnKind::ToeBinding,
        AddOnKind::AntiScuff,
        AddOnKind::Grip,
        AddOnKind::Other,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            AddOnKind::Knocking => "knocking",
            AddOnKind::Oiling => "oiling",
            AddOnKind::ToeBinding => "toe_binding",
            AddOnKind::AntiScuff => "anti_scuff",
            AddOnKind::Grip => "grip",
            AddOnKind::Other => "other",
        }
    }

    pub fn parse(text: &str) -> Option<AddOnKind> {
        AddOnKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A picture or film. Addresses hold its hash, so what they show never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    pub id: MediaId,
    pub revision: u64,
    pub details: MediaDetails,
}
gearify_storage::first_version!(Media);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaDetails {
    pub hash: BlobHash,
    pub kind: MediaKind,
    pub width: u32,
    pub height: u32,
    pub alt: Text,
    /// What must stay in sight when cropped: thousandths from the left and from the top.
    pub focal: Option<(u16, u16)>,
    /// Shown until the picture is there.
    pub placeholder: Option<Colour>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaKind {
    Image,
    /// Drawn, without script: only what the platform itself ships.
    Drawing,
    Video,
}

impl MediaKind {
    pub fn as_str(self) -> &'static str {
        match self {
            MediaKind::Image => "image",
            MediaKind::Drawing => "drawing",
            MediaKind::Video => "video",
        }
    }
}

/// Where a category's page is, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathOwner {
    pub category: CategoryId,
    /// False: the category has moved, and the old address leads to the new one.
    pub current: bool,
}
gearify_storage::first_version!(PathOwner);

pub const ATTRIBUTES: Table<Code, Attribute> = Table::new(40);
pub const PRODUCT_TYPES: Table<Code, ProductType> = Table::new(41);
pub const OPTION_TYPES: Table<Code, OptionType> = Table::new(42);
pub const OPTION_VALUES: Table<(Code, Code), OptionValue> = Table::new(43);
pub const CATEGORIES: Table<CategoryId, Category> = Table::new(44);
pub const CATEGORY_PATHS: Table<str, PathOwner> = Table::new(45);
pub const ADD_ONS: Table<AddOnId, AddOn> = Table::new(46);
pub const MEDIA: Table<MediaId, Media> = Table::new(47);
/// Media by content, so that the same picture is stored once: `(hash, media)`.
pub const MEDIA_BY_HASH: Table<(String, MediaId), Present> = Table::new(48);
