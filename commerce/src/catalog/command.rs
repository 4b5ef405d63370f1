//! What may be asked, and what is reported.
//!
//! A change brings the whole of what a merchant writes about a thing and, in `expected`, the revision
//! it was made from; `None` overwrites whatever stands. Ids of new things are in the reply.

use super::definitions::{
    AddOnDetails, AttributeDetails, CategoryDetails, MediaDetails, OptionTypeDetails, OptionValueDetails,
    ProductTypeDetails,
};
use super::model::{ProductDetails, VariantDetails};
use crate::code::Code;
use crate::ids::{AddOnId, CategoryId, MediaId, ProductId, VariantId};
use crate::text::Text;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A product has at least one variant from its first moment.
    CreateProduct {
        details: ProductDetails,
        variants: Vec<VariantDetails>,
        publish: bool,
    },
    UpdateProduct {
        product: ProductId,
        expected: Option<u64>,
        details: ProductDetails,
    },
    PublishProduct {
        product: ProductId,
        expected: Option<u64>,
    },
    /// Back to a draft.
    UnpublishProduct {
        product: ProductId,
        expected: Option<u64>,
    },
    /// What "delete" means: orders go on referring to it.
    ArchiveProduct {
        product: ProductId,
        expected: Option<u64>,
    },
    SchedulePublication {
        product: ProductId,
        expected: Option<u64>,
        publish_at: Option<Timestamp>,
        unpublish_at: Option<Timestamp>,
    },
    CreateVariant {
        product: ProductId,
        details: VariantDetails,
    },
    UpdateVariant {
        variant: VariantId,
        expected: Option<u64>,
        details: VariantDetails,
    },
    ArchiveVariant {
        variant: VariantId,
        expected: Option<u64>,
    },
    RestoreVariant {
        variant: VariantId,
        expected: Option<u64>,
    },
    CreateCategory {
        details: CategoryDetails,
    },
    UpdateCategory {
        category: CategoryId,
        expected: Option<u64>,
        details: CategoryDetails,
    },
    ArchiveCategory {
        category: CategoryId,
        expected: Option<u64>,
        archived: bool,
    },
    PutProductType {
        expected: Option<u64>,
        details: ProductTypeDetails,
    },
    PutAttribute {
        expected: Option<u64>,
        details: AttributeDetails,
    },
    PutOptionType {
        expected: Option<u64>,
        details: OptionTypeDetails,
    },
    PutOptionValue {
        expected: Option<u64>,
        details: OptionValueDetails,
    },
    CreateAddOn {
        details: AddOnDetails,
    },
    UpdateAddOn {
        add_on: AddOnId,
        expected: Option<u64>,
        details: AddOnDetails,
    },
    ArchiveAddOn {
        add_on: AddOnId,
        expected: Option<u64>,
        archived: bool,
    },
    AddMedia {
        details: MediaDetails,
    },
    UpdateMedia {
        media: MediaId,
        expected: Option<u64>,
        alt: Text,
        focal: Option<(u16, u16)>,
    },
    /// A time of publishing or unpublishing has come.
    PublishDue {
        product: ProductId,
    },
    /// From the scheduler: runs at most `limit` plans of the catalogue's own log, over all tenants.
    RunDue {
        limit: u16,
    },
}

/// Reports name what changed and its revision; readers look at the record as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    ProductCreated {
        product: ProductId,
        number: u32,
        revision: u64,
    },
    ProductUpdated {
        product: ProductId,
        number: u32,
        revision: u64,
    },
    ProductPublished {
        product: ProductId,
        number: u32,
        revision: u64,
    },
    ProductUnpublished {
        product: ProductId,
        number: u32,
        revision: u64,
    },
    ProductArchived {
        product: ProductId,
        number: u32,
        revision: u64,
    },
    VariantCreated {
        product: ProductId,
        variant: VariantId,
        revision: u64,
    },
    VariantUpdated {
        product: ProductId,
        variant: VariantId,
        revision: u64,
    },
    VariantArchived {
        product: ProductId,
        variant: VariantId,
        revision: u64,
    },
    /// Moved: its own address changed, and with it that of everything below.
    CategoryPut {
        category: CategoryId,
        revision: u64,
        moved: bool,
    },
    ProductTypePut {
        code: Code,
        revision: u64,
    },
    AttributePut {
        code: Code,
        revision: u64,
    },
    OptionTypePut {
        code: Code,
        revision: u64,
    },
    OptionValuePut {
        option: Code,
        code: Code,
        revision: u64,
    },
    AddOnPut {
        add_on: AddOnId,
        revision: u64,
    },
    MediaPut {
        media: MediaId,
        revision: u64,
    },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::ProductCreated { .. } => "product.created",
            Event::ProductUpdated { .. } => "product.updated",
            Event::ProductPublished { .. } => "product.published",
            Event::ProductUnpublished { .. } => "product.unpublished",
            Event::ProductArchived { .. } => "product.deleted",
            Event::VariantCreated { .. } => "variant.created",
            Event::VariantUpdated { .. } => "variant.updated",
            Event::VariantArchived { .. } => "variant.deleted",
            Event::CategoryPut { .. } => "category.updated",
            Event::ProductTypePut { .. } => "product_type.updated",
            Event::AttributePut { .. } => "attribute.updated",
            Event::OptionTypePut { .. } => "option.updated",
            Event::OptionValuePut { .. } => "option_value.updated",
            Event::AddOnPut { .. } => "add_on.updated",
            Event::MediaPut { .. } => "media.updated",
        }
    }
}
