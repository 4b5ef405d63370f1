//! Products and variants as a merchant writes them, and what is wrong with what was written.

use super::texts::{Attributes, Words, parse_attributes, write_attributes};
use crate::api::body::text;
use crate::problem::Faults;
use crate::read::moment;
use gearify_commerce::catalog::{
    self, Gtin, HsCode, Policy, ProductDetails, Seo, SizeMm, Sku, StockComponent, Variant, VariantDetails,
};
use gearify_commerce::code::Code;
use gearify_commerce::{
    AddOnId, CategoryId, Country, Locale, MediaId, Name, ReadScope, Slug, Timestamp, VariantId,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a merchant writes about a product.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductBody {
    pub slug: String,
    /// Code of the product type.
    pub product_type: String,
    pub name: Words,
    #[serde(default)]
    pub description: Words,
    #[serde(default)]
    pub seo_title: Words,
    #[serde(default)]
    pub seo_description: Words,
    pub brand: Option<String>,
    /// Ids; the first is the one of breadcrumbs.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Value by code.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub attributes: Attributes,
    /// Codes of the options a shopper chooses, in this order.
    #[serde(default)]
    pub options: Vec<String>,
    /// Absent: every add-on made for the product's type.
    pub add_ons: Option<Vec<String>>,
    /// Ids; the first is shown in lists.
    #[serde(default)]
    pub media: Vec<String>,
    #[serde(default = "standard")]
    pub tax_category: String,
}

fn standard() -> String {
    "standard".into()
}

/// What a merchant writes about a variant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantBody {
    pub sku: String,
    pub gtin: Option<String>,
    /// Value by option code.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub attributes: Attributes,
    #[serde(default)]
    pub shipping_weight_grams: u32,
    pub size_mm: Option<SizeBody>,
    pub hs_code: Option<String>,
    /// Country of origin.
    pub origin: Option<String>,
    #[serde(default)]
    pub media: Vec<String>,
    /// Absent: the product's.
    pub tax_category: Option<String>,
    /// Of a kit: its parts. Empty: the variant's own stock.
    #[serde(default)]
    pub components: Vec<ComponentBody>,
    /// `deny`, `backorder` or `preorder`.
    #[serde(default = "deny")]
    pub policy: String,
    /// When a preorder is delivered.
    pub available_at: Option<String>,
    #[serde(default)]
    pub position: u32,
}

fn deny() -> String {
    "deny".into()
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SizeBody {
    pub length: u32,
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentBody {
    pub variant_id: String,
    pub quantity: u32,
}

impl ProductBody {
    pub fn of(view: &ReadScope<'_>, details: &ProductDetails) -> ProductBody {
        let ids = |ids: &[MediaId]| ids.iter().map(|id| id.to_string()).collect();
        ProductBody {
            slug: details.slug.to_string(),
            product_type: details.product_type.to_string(),
            name: Words::of(&details.name),
            description: Words::of(&details.description),
            seo_title: Words::of(&details.seo.title),
            seo_description: Words::of(&details.seo.description),
            brand: details.brand.as_ref().map(|brand| brand.to_string()),
            categories: details.categories.iter().map(|id| id.to_string()).collect(),
            attributes: write_attributes(view, &details.attributes),
            options: details.options.iter().map(|code| code.to_string()).collect(),
            add_ons: details.add_ons.as_ref().map(|chosen| chosen.iter().map(|id| id.to_string()).collect()),
            media: ids(&details.media),
            tax_category: details.tax_category.to_string(),
        }
    }

    pub fn parse(
        &self,
        view: &ReadScope<'_>,
        at: &str,
        default: &Locale,
        faults: &mut Faults,
    ) -> Option<ProductDetails> {
        let place = |field: &str| format!("{at}/{field}");
        let slug = faults.take(place("slug"), Slug::parse(&self.slug));
        let product_type = faults.take(place("product_type"), Code::parse(&self.product_type));
        let tax_category = faults.take(place("tax_category"), Code::parse(&self.tax_category));
        let brand = faults.optional(place("brand"), text(&self.brand), Name::parse);
        let categories = all(faults, &place("categories"), &self.categories, CategoryId::parse);
        let media = all(faults, &place("media"), &self.media, MediaId::parse);
        let options = all(faults, &place("options"), &self.options, Code::parse);
        let add_ons =
            self.add_ons.as_ref().map(|chosen| all(faults, &place("add_ons"), chosen, AddOnId::parse));
        let attributes = parse_attributes(view, &place("attributes"), &self.attributes, default, faults);
        let mut words = |field: &str, words: &Words| words.parse(&place(field), default, faults);
        let name = words("name", &self.name);
        let description = words("description", &self.description);
        let seo = Seo {
            title: words("seo_title", &self.seo_title),
            description: words("seo_description", &self.seo_description),
        };
        Some(ProductDetails {
            slug: slug?,
            product_type: product_type?,
            name,
            description,
            seo,
            brand,
            categories,
            attributes,
            options,
            add_ons,
            media,
            tax_category: tax_category?,
        })
    }
}

/// Parses every entry of a list, noting each that is wrong.
pub fn all<T, E: std::fmt::Display>(
    faults: &mut Faults,
    at: &str,
    entries: &[String],
    parse: impl Fn(&str) -> Result<T, E>,
) -> Vec<T> {
    let entries = entries.iter().enumerate();
    entries.filter_map(|(n, entry)| faults.take(format!("{at}/{n}"), parse(entry))).collect()
}

/// A moment as RFC 3339 writes it.
pub fn parse_moment(text: &str) -> Result<Timestamp, &'static str> {
    let at: jiff::Timestamp =
        text.trim().parse().map_err(|_| "must be a time such as 2026-04-01T09:00:00Z")?;
    Ok(Timestamp::from_millis(at.as_millisecond()))
}

impl VariantBody {
    pub fn of(view: &ReadScope<'_>, details: &VariantDetails) -> VariantBody {
        let (policy, available_at) = match details.policy {
            Policy::Deny => ("deny", None),
            Policy::Backorder => ("backorder", None),
            Policy::Preorder { available_at } => ("preorder", Some(moment(available_at))),
        };
        VariantBody {
            sku: details.sku.to_string(),
            gtin: details.gtin.as_ref().map(|gtin| gtin.to_string()),
            options: details
                .options
                .iter()
                .map(|(option, value)| (option.to_string(), value.to_string()))
                .collect(),
            attributes: write_attributes(view, &details.attributes),
            shipping_weight_grams: details.shipping_weight_grams,
            size_mm: details.size_mm.map(|SizeMm { length, width, height }| SizeBody {
                length,
                width,
                height,
            }),
            hs_code: details.hs_code.as_ref().map(|code| code.to_string()),
            origin: details.origin.as_ref().map(|country| country.to_string()),
            media: details.media.iter().map(|id| id.to_string()).collect(),
            tax_category: details.tax_category.as_ref().map(|code| code.to_string()),
            components: details
                .components
                .iter()
                .map(|part| ComponentBody {
                    variant_id: VariantId::from_bits(part.item.bits()).to_string(),
                    quantity: part.per_unit,
                })
                .collect(),
            policy: policy.into(),
            available_at,
            position: details.position,
        }
    }

    pub fn parse(
        &self,
        view: &ReadScope<'_>,
        at: &str,
        default: &Locale,
        faults: &mut Faults,
    ) -> Option<VariantDetails> {
        let place = |field: &str| format!("{at}/{field}");
        let sku = faults.take(place("sku"), Sku::parse(&self.sku));
        let gtin = faults.optional(place("gtin"), text(&self.gtin), Gtin::parse);
        let hs_code = faults.optional(place("hs_code"), text(&self.hs_code), HsCode::parse);
        let origin = faults.optional(place("origin"), text(&self.origin), Country::parse);
        let tax_category = faults.optional(place("tax_category"), text(&self.tax_category), Code::parse);
        let media = all(faults, &place("media"), &self.media, MediaId::parse);
        let mut options = BTreeMap::new();
        for (option, value) in &self.options {
            let here = format!("{at}/options/{option}");
            let pair =
                (faults.take(here.clone(), Code::parse(option)), faults.take(here, Code::parse(value)));
            if let (Some(option), Some(value)) = pair {
                options.insert(option, value);
            }
        }
        let mut components = Vec::new();
        for (n, part) in self.components.iter().enumerate() {
            let here = format!("{at}/components/{n}/variant_id");
            let Some(id) = faults.take(here.clone(), VariantId::parse(&part.variant_id)) else { continue };
            let known = catalog::variant(view, id).ok_or("is not a variant of this shop");
            if faults.take(here, known).is_some() {
                components
                    .push(StockComponent { item: Variant::own_stock_item(id), per_unit: part.quantity });
            }
        }
        let attributes = parse_attributes(view, &place("attributes"), &self.attributes, default, faults);
        let policy = self.parse_policy(at, faults);
        Some(VariantDetails {
            sku: sku?,
            gtin,
            options,
            attributes,
            shipping_weight_grams: self.shipping_weight_grams,
            size_mm: self.size_mm.map(|SizeBody { length, width, height }| SizeMm { length, width, height }),
            hs_code,
            origin,
            media,
            tax_category,
            components,
            policy: policy?,
            position: self.position,
        })
    }

    fn parse_policy(&self, at: &str, faults: &mut Faults) -> Option<Policy> {
        match self.policy.as_str() {
            "deny" => Some(Policy::Deny),
            "backorder" => Some(Policy::Backorder),
            "preorder" => {
                let place = format!("{at}/available_at");
                let Some(at) = text(&self.available_at) else {
                    faults.add(place, "is required for a preorder");
                    return None;
                };
                faults.take(place, parse_moment(at)).map(|available_at| Policy::Preorder { available_at })
            }
            _ => {
                faults.add(format!("{at}/policy"), "must be deny, backorder or preorder");
                None
            }
        }
    }
}
