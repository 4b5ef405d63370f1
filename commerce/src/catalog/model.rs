//! Products and variants.

use super::definitions::AttributeValue;
use super::values::{Gtin, HsCode, Sku};
use crate::code::Code;
use crate::ids::{AddOnId, CategoryId, MediaId, ProductId, StockItemId, VariantId};
use crate::locale::Country;
use crate::scope::{Count, Table};
use crate::text::{Name, Slug, Text};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const PRODUCT_OPTIONS_MAX: usize = 5;
pub const PRODUCT_CATEGORIES_MAX: usize = 16;
pub const PRODUCT_MEDIA_MAX: usize = 30;
pub const PRODUCT_ATTRIBUTES_MAX: usize = 60;
pub const VARIANTS_MAX: u32 = 3_000;
/// Variants that one command may bring along with their product.
pub const NEW_VARIANTS_MAX: usize = 200;
pub const DESCRIPTION_CHARS_MAX: usize = 10_000;
pub const STOCK_COMPONENTS_MAX: usize = 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    pub id: ProductId,
    /// Dense in the tenant, from 1: addresses columns in memory. Never changes.
    pub number: u32,
    /// Counts changes of this record.
    pub revision: u64,
    /// Counts changes of this record and of its variants: what a page of the product depends on.
    pub generation: u64,
    pub status: ProductStatus,
    /// A draft becomes active then.
    pub publish_at: Option<Timestamp>,
    /// What is active becomes a draft then.
    pub unpublish_at: Option<Timestamp>,
    /// When it was first active: what "newest" means.
    pub published_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub details: ProductDetails,
}
gearify_storage::first_version!(Product);

/// Apart from availability: an active product may be out of stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductStatus {
    Draft,
    Active,
    Archived,
}

impl ProductStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            ProductStatus::Draft => "draft",
            ProductStatus::Active => "active",
            ProductStatus::Archived => "archived",
        }
    }
}

/// What a merchant writes about a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductDetails {
    pub slug: Slug,
    pub product_type: Code,
    pub name: Text,
    pub description: Text,
    pub seo: Seo,
    pub brand: Option<Name>,
    /// The first is the one of breadcrumbs.
    pub categories: Vec<CategoryId>,
    pub attributes: BTreeMap<Code, AttributeValue>,
    /// What a shopper chooses among its variants, in this order.
    pub options: Vec<Code>,
    /// `None`: every add-on made for the product's type.
    pub add_ons: Option<Vec<AddOnId>>,
    /// The first is shown in lists.
    pub media: Vec<MediaId>,
    pub tax_category: Code,
}

/// For search engines; empty falls back to name and description.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seo {
    pub title: Text,
    pub description: Text,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    pub id: VariantId,
    pub product: ProductId,
    pub revision: u64,
    /// No longer sold; orders still refer to it, and its SKU is free again.
    pub archived: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub details: VariantDetails,
}
gearify_storage::first_version!(Variant);

/// What a merchant writes about a variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantDetails {
    pub sku: Sku,
    pub gtin: Option<Gtin>,
    /// One value for each of the product's options.
    pub options: BTreeMap<Code, Code>,
    /// Such as weight and grade.
    pub attributes: BTreeMap<Code, AttributeValue>,
    pub shipping_weight_grams: u32,
    pub size_mm: Option<SizeMm>,
    pub hs_code: Option<HsCode>,
    pub origin: Option<Country>,
    /// Shown before the product's own.
    pub media: Vec<MediaId>,
    /// `None`: the product's.
    pub tax_category: Option<Code>,
    /// Empty: the variant's own stock item, once. A kit names its parts.
    pub components: Vec<StockComponent>,
    pub policy: Policy,
    /// Among the product's variants.
    pub position: u32,
}

impl VariantDetails {
    /// A variant with its own stock and nothing but an SKU.
    pub fn new(sku: Sku) -> VariantDetails {
        VariantDetails {
            sku,
            gtin: None,
            options: BTreeMap::new(),
            attributes: BTreeMap::new(),
            shipping_weight_grams: 0,
            size_mm: None,
            hs_code: None,
            origin: None,
            media: Vec::new(),
            tax_category: None,
            components: Vec::new(),
            policy: Policy::Deny,
            position: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeMm {
    pub length: u32,
    pub width: u32,
    pub height: u32,
}

/// Pieces of a stock item that one piece of the variant takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockComponent {
    pub item: StockItemId,
    pub per_unit: u32,
}

/// What happens when nothing is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    Deny,
    /// Sold on, delivered when it comes.
    Backorder,
    /// Sold before it is there.
    Preorder {
        available_at: Timestamp,
    },
}

impl Policy {
    /// Whether more may be sold than is there.
    pub fn sells_beyond_stock(self) -> bool {
        self != Policy::Deny
    }
}

impl Variant {
    /// The stock item that is the variant itself.
    pub fn own_stock_item(id: VariantId) -> StockItemId {
        StockItemId::from_bits(id.bits())
    }

    /// What one piece takes from stock: never empty.
    pub fn stock_components(&self) -> Vec<StockComponent> {
        match self.details.components.as_slice() {
            [] => vec![StockComponent { item: Variant::own_stock_item(self.id), per_unit: 1 }],
            parts => parts.to_vec(),
        }
    }

    /// Whether it is put together from other variants' stock.
    pub fn is_kit(&self) -> bool {
        let own = Variant::own_stock_item(self.id);
        self.details.components.iter().any(|part| part.item != own)
    }

    pub fn attribute(&self, code: &str) -> Option<&AttributeValue> {
        self.details.attributes.iter().find(|(c, _)| c.as_str() == code).map(|(_, value)| value)
    }

    pub fn tax_category<'a>(&'a self, product: &'a Product) -> &'a Code {
        self.details.tax_category.as_ref().unwrap_or(&product.details.tax_category)
    }
}

/// Whose a slug is, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlugOwner {
    pub product: ProductId,
    /// False: the product is found under another slug now, and the old address leads there.
    pub current: bool,
}
gearify_storage::first_version!(SlugOwner);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRef(pub ProductId);
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantRef {
    pub product: ProductId,
    pub variant: VariantId,
}
/// How many variants a product has, and how many of them are sold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantCounts {
    pub all: u32,
    pub live: u32,
}
gearify_storage::first_version!(ProductRef, VariantRef, VariantCounts);

pub const PRODUCTS: Table<ProductId, Product> = Table::new(50);
pub const SLUGS: Table<Slug, SlugOwner> = Table::new(51);
/// The last product number given.
pub const NUMBERS: Table<(), Count> = Table::new(52);
pub const PRODUCTS_BY_NUMBER: Table<u32, ProductRef> = Table::new(53);
/// Variants stand with their product, so that one scan reads them.
pub const VARIANTS: Table<(ProductId, VariantId), Variant> = Table::new(54);
pub const VARIANT_PRODUCTS: Table<VariantId, ProductRef> = Table::new(55);
/// Live variants by folded SKU.
pub const SKUS: Table<str, VariantRef> = Table::new(56);
/// Live variants by their choice of options: `(product, hash of the choice)`.
pub const COMBINATIONS: Table<(ProductId, [u8; 16]), VariantRef> = Table::new(57);
pub const VARIANT_COUNTS: Table<ProductId, VariantCounts> = Table::new(58);

/// Names a choice of options inside a product.
pub(super) fn combination(options: &BTreeMap<Code, Code>) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for (option, value) in options {
        hasher.update(option.as_str().as_bytes()).update(b"=").update(value.as_str().as_bytes()).update(b";");
    }
    let mut hash = [0; 16];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    hash
}
