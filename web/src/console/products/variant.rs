//! What a merchant writes about a variant, as a form and back.

use super::attributes;
use super::prices::{self, Everyday};
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Section};
use crate::console::view::{Field, FieldKind};
use crate::console::words::Words;
use crate::console::wrong::{Check, Wrong};
use crate::gate::Call;
use crate::problem::Problem;
use gearify_commerce::catalog::{
    self, Attribute, Gtin, HsCode, Level, OptionType, OptionValue, Policy, Product, SizeMm, Sku,
    StockComponent, Variant, VariantDetails,
};
use gearify_commerce::command::GroupKind;
use gearify_commerce::tax::{self, TaxCategory};
use gearify_commerce::tenants::Settings;
use gearify_commerce::{Code, Country, StockItemId, View};
use std::collections::BTreeMap;

/// What the form offers.
pub struct Offer {
    pub settings: Settings,
    pub words: Words,
    options: Vec<(OptionType, Vec<OptionValue>)>,
    attributes: Vec<Attribute>,
    tax_categories: Vec<TaxCategory>,
    /// Stock items by folded SKU, for what the parts of a kit name.
    skus: BTreeMap<String, StockItemId>,
}

impl Offer {
    /// `typed` tells which SKUs may be named as parts.
    pub fn read(call: &Call, product: &Product, typed: &Typed) -> Result<Offer, Problem> {
        let settings = call.shop()?.settings().clone();
        let words = Words::of(&settings);
        Ok(call.read(GroupKind::Catalogue, |view| {
            let option =
                |code: &Code| Some((catalog::option_type(view, code)?, catalog::option_values(view, code)));
            let named = parts_typed(typed.get("parts")).filter_map(|(sku, _)| Sku::parse(sku).ok());
            let item = |sku: Sku| {
                Some((sku.folded(), Variant::own_stock_item(catalog::variant_by_sku(view, &sku)?.id)))
            };
            Offer {
                options: product.details.options.iter().filter_map(option).collect(),
                attributes: attributes::of_type(view, &product.details.product_type, Level::Variant),
                tax_categories: tax::categories(view),
                skus: named.filter_map(item).collect(),
                settings,
                words,
            }
        }))
    }
}

/// `BALL × 6`, one part a line.
fn parts_typed(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| {
        let split = line.split_once(['×', '*']).or_else(|| line.rsplit_once(' '));
        split.map_or((line, "1"), |(sku, count)| (sku.trim(), count.trim()))
    })
}

/// A record as typed fields.
pub fn write(
    view: &impl View,
    details: &VariantDetails,
    prices: &[Everyday],
    offer: &Offer,
    typed: &mut Typed,
) {
    typed.set("sku", &details.sku);
    typed.set("gtin", details.gtin.as_ref().map_or("", Gtin::as_str));
    for (option, value) in &details.options {
        typed.set(format!("option.{option}"), value);
    }
    attributes::write(typed, &offer.attributes, &details.attributes, &offer.settings.locale);
    typed.set("weight", details.shipping_weight_grams);
    if let Some(size) = details.size_mm {
        typed.set("length", size.length);
        typed.set("width", size.width);
        typed.set("height", size.height);
    }
    typed.set("hs_code", details.hs_code.as_ref().map_or("", HsCode::as_str));
    typed.set("origin", details.origin.as_ref().map_or("", Country::as_str));
    typed.set("tax_category", details.tax_category.as_ref().map_or("", Code::as_str));
    typed.set("position", details.position);
    match details.policy {
        Policy::Deny => typed.set("policy", "deny"),
        Policy::Backorder => typed.set("policy", "backorder"),
        Policy::Preorder { available_at } => {
            typed.set("policy", "preorder");
            typed.set("available_at", offer.words.typed_moment(available_at));
        }
    }
    let part = |part: &StockComponent| {
        let sku =
            catalog::variant_of_stock_item(view, part.item).map(|variant| variant.details.sku.to_string());
        format!("{} × {}", sku.unwrap_or_else(|| part.item.to_string()), part.per_unit)
    };
    typed.set("parts", details.components.iter().map(part).collect::<Vec<_>>().join("\n"));
    prices::write(typed, prices);
}

/// Reads the fields; what they don't show is taken from `before`.
pub fn read(
    typed: &Typed,
    offer: &Offer,
    before: Option<&VariantDetails>,
) -> Result<(VariantDetails, Vec<Everyday>), Wrong> {
    let mut check = Check::new(typed);
    let sku = check.value("sku", Sku::parse);
    let gtin = check.optional("gtin", Gtin::parse);
    let mut options = BTreeMap::new();
    for (option, _) in &offer.options {
        let code = option.details.code.clone();
        if let Some(value) = check.value(&format!("option.{code}"), Code::parse) {
            options.insert(code, value);
        }
    }
    let nothing = BTreeMap::new();
    let old_values = before.map_or(&nothing, |before| &before.attributes);
    let values = attributes::read(&mut check, &offer.attributes, old_values, &offer.settings.locale);
    let weight = check.optional_integer("weight", 0, 1_000_000);
    let size = read_size(&mut check);
    let hs_code = check.optional("hs_code", HsCode::parse);
    let origin = check.optional("origin", Country::parse);
    let tax_category = check.optional("tax_category", Code::parse);
    let position = check.optional_integer("position", 0, 100_000);
    let policy = read_policy(&mut check, offer, before);
    let components = read_parts(&mut check, offer, before);
    let prices = prices::read(&mut check, &offer.settings);
    let details = (|| {
        Some(VariantDetails {
            sku: sku?,
            gtin: gtin?,
            options,
            attributes: values,
            shipping_weight_grams: weight?.unwrap_or(0),
            size_mm: size?,
            hs_code: hs_code?,
            origin: origin?,
            media: before.map_or(Vec::new(), |before| before.media.clone()),
            tax_category: tax_category?,
            components: components?,
            policy: policy?,
            position: position?.unwrap_or(0),
        })
    })();
    check.done(details.zip(prices))
}

fn read_size(check: &mut Check<'_>) -> Option<Option<SizeMm>> {
    let side = |check: &mut Check<'_>, name: &str| check.optional_integer::<u32>(name, 1, 10_000);
    let (length, width, height) = (side(check, "length"), side(check, "width"), side(check, "height"));
    match (length?, width?, height?) {
        (None, None, None) => Some(None),
        (Some(length), Some(width), Some(height)) => Some(Some(SizeMm { length, width, height })),
        _ => {
            check.fault("length", "Write all three sides, or none");
            None
        }
    }
}

/// A moment that was not touched keeps its seconds, which the field does not show.
fn read_policy(check: &mut Check<'_>, offer: &Offer, before: Option<&VariantDetails>) -> Option<Policy> {
    match check.typed().get("policy") {
        "backorder" => Some(Policy::Backorder),
        "preorder" => {
            if let Some(policy @ Policy::Preorder { available_at }) = before.map(|before| before.policy)
                && check.typed().get("available_at") == offer.words.typed_moment(available_at)
            {
                return Some(policy);
            }
            let available_at = check.value("available_at", |text| offer.words.parse_moment(text))?;
            Some(Policy::Preorder { available_at })
        }
        "deny" | "" => Some(Policy::Deny),
        _ => {
            check.fault("policy", "Choose one of these");
            None
        }
    }
}

fn read_parts(
    check: &mut Check<'_>,
    offer: &Offer,
    before: Option<&VariantDetails>,
) -> Option<Vec<StockComponent>> {
    let mut parts = Vec::new();
    for (sku, count) in parts_typed(check.typed().get("parts")) {
        let item = match StockItemId::parse(sku) {
            // An item that no variant has any more is shown by its id.
            Ok(item) => before
                .is_some_and(|before| before.components.iter().any(|part| part.item == item))
                .then_some(item),
            Err(_) => offer.skus.get(&sku.to_ascii_lowercase()).copied(),
        };
        match (item, count.parse::<u32>()) {
            (Some(item), Ok(per_unit)) if per_unit > 0 => parts.push(StockComponent { item, per_unit }),
            (None, _) => {
                check.fault("parts", format!("There is no SKU {sku}"));
                return None;
            }
            _ => {
                check.fault("parts", format!("Write how many of {sku}, such as {sku} × 2"));
                return None;
            }
        }
    }
    Some(parts)
}

pub fn sections(offer: &Offer) -> Vec<Section> {
    let locale = &offer.settings.locale;
    let mut label =
        vec![Field::text("sku", "SKU").half(), Field::text("gtin", "GTIN (EAN, UPC)").optional().half()];
    for (option, values) in &offer.options {
        let choice =
            |value: &OptionValue| Choice::new(&value.details.code, value.details.label.words(locale, locale));
        let choices = std::iter::once(Choice::new("", "Choose")).chain(values.iter().map(choice)).collect();
        let name = option.details.name.words(locale, locale);
        label.push(Field::select(format!("option.{}", option.details.code), name, choices).short());
    }
    let mut sections = vec![Section::new("What it is", label)];
    if !offer.attributes.is_empty() {
        sections.push(Section::new("Specification", attributes::fields(&offer.attributes, locale)));
    }
    sections.push(Section::new("Prices", prices::fields(&offer.settings, &offer.words)));
    let policies = vec![
        Choice::new("deny", "It can't be bought"),
        Choice::new("backorder", "It is sold on, and delivered when it comes"),
        Choice::new("preorder", "It is sold before it is there"),
    ];
    sections.push(Section::new(
        "Stock",
        vec![
            Field::new(FieldKind::Radio(policies), "policy", "When none is left"),
            Field::new(FieldKind::Moment, "available_at", "There from")
                .optional()
                .half()
                .hint("For selling before it is there."),
            Field::area("parts", "Made of", 2).optional().hint(
                "For kits: one SKU a line with how many, such as BALL × 6. Empty: it has stock of its own.",
            ),
        ],
    ));
    let tax = |category: &TaxCategory| Choice::new(&category.code, category.name.as_str());
    let taxes =
        std::iter::once(Choice::new("", "As the product")).chain(offer.tax_categories.iter().map(tax));
    sections.push(Section::new(
        "Parcel and customs",
        vec![
            Field::number("weight", "Weight").optional().unit("g"),
            Field::number("length", "Length").optional().unit("mm"),
            Field::number("width", "Width").optional().unit("mm"),
            Field::number("height", "Height").optional().unit("mm"),
            Field::text("hs_code", "Customs code").optional().short(),
            Field::text("origin", "Made in").optional().short().hint("Two letters, such as IN."),
            Field::select("tax_category", "Tax category", taxes.collect()).optional().half(),
            Field::number("position", "Place in the list").optional(),
        ],
    ));
    sections
}

/// Which field a refusal's pointer is about.
pub fn field_of(pointer: &str) -> Option<String> {
    match pointer {
        "sku" | "gtin" | "tax_category" | "hs_code" | "origin" | "position" => Some(pointer.to_owned()),
        "shipping_weight_grams" => Some("weight".to_owned()),
        "size_mm" => Some("length".to_owned()),
        "components" | "components/per_unit" => Some("parts".to_owned()),
        _ => {
            let attribute = pointer.strip_prefix("attributes/").map(|code| format!("attr.{code}"));
            attribute.or_else(|| pointer.strip_prefix("options/").map(|code| format!("option.{code}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_people_write_them() {
        let read = |text| parts_typed(text).collect::<Vec<_>>();
        assert_eq!(read("BALL × 6\n GLOVE*2 \n\nBAG"), [("BALL", "6"), ("GLOVE", "2"), ("BAG", "1")]);
        assert_eq!(read("BALL 6"), [("BALL", "6")]);
        assert_eq!(read(""), []);
    }
}
