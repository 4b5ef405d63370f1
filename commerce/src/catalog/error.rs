//! Refusals: facts, not sentences.

use super::Sku;
use crate::check::Invalid;
use crate::code::Code;
use crate::ids::{AddOnId, CategoryId, MediaId, ProductId, VariantId};
use crate::text::Slug;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no product {product}")]
    UnknownProduct { product: ProductId },
    #[error("there is no variant {variant}")]
    UnknownVariant { variant: VariantId },
    #[error("there is no category {category}")]
    UnknownCategory { category: CategoryId },
    #[error("there is no add-on {add_on}")]
    UnknownAddOn { add_on: AddOnId },
    #[error("there is no picture {media}")]
    UnknownMedia { media: MediaId },
    #[error("there is no product type {code}")]
    UnknownProductType { code: Code },
    #[error("there is no attribute {code}")]
    UnknownAttribute { code: Code },
    #[error("there is no option {code}")]
    UnknownOption { code: Code },
    #[error("the option {option} has no value {value}")]
    UnknownOptionValue { option: Code, value: Code },
    #[error("there is no tax category {code}")]
    UnknownTaxCategory { code: Code },
    /// A change was made from another revision than the one that stands.
    #[error("revision {revision} stands, not the one this change was made from")]
    Stale { revision: u64 },
    #[error("the address {slug} belongs, or belonged, to another product")]
    SlugTaken { slug: Slug, product: ProductId },
    #[error("the address {path} belongs, or belonged, to another category")]
    PathTaken { path: String, category: CategoryId },
    #[error("the SKU {sku} is taken")]
    SkuTaken { sku: Sku, variant: Option<VariantId> },
    #[error("another variant has the same options")]
    CombinationTaken { variant: Option<VariantId> },
    #[error("a variant needs one value for each of the product's options and no others")]
    OptionsMissing { options: Vec<Code> },
    #[error("the product's options can't change while it has variants")]
    OptionsInUse,
    #[error("a product has at most {variants_max} variants")]
    TooManyVariants { variants_max: u32 },
    #[error("a product that is sold needs a variant")]
    NoVariant,
    #[error("the attribute {code} can't lose the value {value}")]
    ChoiceInUse { code: Code, value: Code },
    #[error("the attribute {code} can't become another kind")]
    KindInUse { code: Code },
    #[error("the category would be inside itself")]
    CategoryInItself,
    #[error("categories nest at most {depth_max} deep")]
    TooDeep { depth_max: u32 },
    #[error("the category has categories below it")]
    CategoryHasChildren,
    #[error("the product is archived")]
    Archived,
    #[error(transparent)]
    Invalid(#[from] Invalid),
}
