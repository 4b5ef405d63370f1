//! A product: what it is, which one of it, what can be done to it, what it costs, when it comes.

use serde::Serialize;

use super::parts::{
    Availability, DeliveryWindow, Link, Picture, PriceTag, ProductCard, Rating, Spec, element_id,
};
use super::rich_text::RichText;
use crate::l10n::{Amount, Locale};

#[derive(Debug, Clone)]
pub struct ProductPage {
    /// Sent back as `product_id`.
    pub id: String,
    pub name: String,
    pub brand: Option<Link>,
    pub crumbs: Vec<Link>,
    /// In order; the first is the face of the product.
    pub pictures: Vec<Picture>,
    /// Of the selected variant, or the lowest ("from") while none is.
    pub price: PriceTag,
    pub tax_note: TaxNote,
    /// The lowest price of the last 30 days, shown beside a reduction.
    pub lowest_price: Option<Amount>,
    pub availability: Availability,
    pub rating: Option<Rating>,
    /// Two or three lines that decide; plain text.
    pub summary: String,
    /// In the order they are chosen; empty for a product with one variant.
    pub options: Vec<OptionGroup>,
    /// All variants, for the script that keeps price and stock in step with the options.
    pub variants: Vec<VariantData>,
    pub sku: Option<String>,
    /// What is in it, if it is a kit.
    pub kit: Vec<KitPart>,
    pub add_ons: Vec<AddOn>,
    pub quantity: u32,
    pub quantity_max: u32,
    pub delivery: Option<DeliveryNote>,
    /// Made with [`RichText::under_heading`].
    pub description: RichText,
    pub specs: Vec<Spec>,
    /// Puts it beside others.
    pub compare_href: Option<String>,
    /// Size by height, for goods that come in sizes.
    pub size_guide: Option<SizeGuide>,
    pub related: Vec<ProductCard>,
    /// What is wrong with the last attempt to add it ("Choose a weight first").
    pub error: Option<String>,
    /// It was just put in the bag (the way without scripts).
    pub added: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxNote {
    /// "including VAT"; what the tax is called follows the country of the locale.
    Included,
    Excluded,
    /// Nothing to say.
    Silent,
}

/// One choice to make, sent as `option.<code>`.
#[derive(Debug, Clone)]
pub struct OptionGroup {
    pub code: String,
    pub label: String,
    pub values: Vec<OptionValue>,
    /// Shown beside the label.
    pub hint: Option<String>,
}

impl OptionGroup {
    /// The id of the radio button of a value.
    pub fn value_id(&self, value: &str) -> String {
        element_id("option", &format!("{}={value}", self.code))
    }
}

#[derive(Debug, Clone)]
pub struct OptionValue {
    pub code: String,
    /// "2 lb 8 oz", "Harrow", "Navy".
    pub label: String,
    /// Smaller, under the label ("1134 g").
    pub detail: Option<String>,
    pub selected: bool,
    /// Whether there is any variant of this value with the other choices as they stand.
    pub combines: bool,
    /// With the other choices as they stand.
    pub availability: Availability,
}

impl ProductPage {
    /// The guide beside an option.
    pub fn guide_of(&self, option: &str) -> Option<&SizeGuide> {
        self.size_guide.as_ref().filter(|guide| guide.option == option)
    }

    /// Option codes and values, price and stock of each variant, for the `data-` attribute the
    /// script reads. Prices and stock are worded here, so the script needs no language.
    pub fn variants_json(&self, locale: Locale) -> String {
        let variants: Vec<ScriptVariant> = self
            .variants
            .iter()
            .map(|variant| ScriptVariant {
                options: variant
                    .options
                    .iter()
                    .map(|(code, value)| (code.as_str(), value.as_str()))
                    .collect(),
                price: locale.price(variant.price),
                compare_at: variant.compare_at.map(|before| locale.price(before)),
                stock: locale.text().availability(variant.availability),
                class: variant.availability.class(),
                sellable: variant.availability.is_sellable(),
                sku: &variant.sku,
            })
            .collect();
        serde_json::to_string(&variants).expect("variants have only string keys")
    }
}

#[derive(Serialize)]
struct ScriptVariant<'a> {
    options: std::collections::BTreeMap<&'a str, &'a str>,
    price: String,
    compare_at: Option<String>,
    stock: String,
    class: &'static str,
    sellable: bool,
    sku: &'a str,
}

#[derive(Debug, Clone)]
pub struct VariantData {
    pub sku: String,
    /// (option code, value code)
    pub options: Vec<(String, String)>,
    pub price: Amount,
    pub compare_at: Option<Amount>,
    pub availability: Availability,
}

/// A part of a kit.
#[derive(Debug, Clone)]
pub struct KitPart {
    pub pieces: u32,
    /// Leads nowhere where it is not sold by itself.
    pub goods: Link,
}

/// Work done to the thing before it leaves, sent as `add_on`.
#[derive(Debug, Clone)]
pub struct AddOn {
    pub id: String,
    pub name: String,
    /// What it does, one sentence.
    pub description: String,
    pub price: Amount,
    /// Days it adds to the delivery.
    pub lead_days: Option<u32>,
    pub returnable: bool,
    pub selected: bool,
}

#[derive(Debug, Clone)]
pub struct DeliveryNote {
    /// "Great Britain", "M1 2AB".
    pub destination: String,
    pub window: Option<DeliveryWindow>,
    /// The cheapest way; nothing is said if it is not known.
    pub price_from: Option<Amount>,
    /// Not delivered there at all.
    pub refused: bool,
}

#[derive(Debug, Clone)]
pub struct SizeGuide {
    /// The code of the option it stands beside.
    pub option: String,
    pub heads: Vec<String>,
    pub rows: Vec<SizeRow>,
    pub note: String,
}

#[derive(Debug, Clone)]
pub struct SizeRow {
    /// One for each head; the first is what the size is called.
    pub cells: Vec<String>,
    /// It can be chosen here.
    pub offered: bool,
}
