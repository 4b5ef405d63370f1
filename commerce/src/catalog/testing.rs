//! A small range of goods for tests of this and other contexts.

use super::*;
use crate::code::Code;
use crate::harness::Harness;
use crate::ids::{AddOnId, ProductId, VariantId};
use crate::locale::Locale;
use crate::money::Currency;
use crate::text::{Slug, Text};
use std::collections::BTreeMap;

/// One product type `bat` with the built-in attributes, one option `size` with values `sh` and `lh`.
pub struct Range {
    made: u32,
}

pub fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

pub fn words(text: &str) -> Text {
    Text::new(Locale::parse("en").unwrap(), text)
}

pub fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

impl Range {
    pub fn new(shop: &mut Harness) -> Range {
        let attributes = [GRADE, WEIGHT, WEIGHT_CLASS].map(code).to_vec();
        let details = ProductTypeDetails { code: code("bat"), name: words("Bat"), attributes };
        shop.run(Command::PutProductType { expected: None, details });
        let details = OptionTypeDetails { code: code("size"), name: words("Size") };
        shop.run(Command::PutOptionType { expected: None, details });
        for (position, (value, label)) in
            [("sh", "Short Handle"), ("lh", "Long Handle")].into_iter().enumerate()
        {
            let details = OptionValueDetails {
                option: code("size"),
                code: code(value),
                label: words(label),
                swatch: None,
                position: position as u32,
            };
            shop.run(Command::PutOptionValue { expected: None, details });
        }
        Range { made: 0 }
    }

    /// A product without options whose only variant has this SKU, on sale.
    pub fn variant(&mut self, shop: &mut Harness, text: &str) -> VariantId {
        self.made += 1;
        let details = product(&format!("product-{}", self.made));
        let variants =
            vec![VariantDetails { shipping_weight_grams: 1_200, ..VariantDetails::new(sku(text)) }];
        shop.run(Command::CreateProduct { details, variants, publish: true });
        variant_by_sku(&shop.view(), &sku(text)).unwrap().id
    }

    pub fn add_on(&mut self, shop: &mut Harness, amount: i64) -> AddOnId {
        let details = add_on(amount);
        AddOnId::from_bits(shop.make(Command::CreateAddOn { details }))
    }
}

pub fn product(slug: &str) -> ProductDetails {
    ProductDetails {
        slug: Slug::parse(slug).unwrap(),
        product_type: code("bat"),
        name: words("Bat"),
        description: words("Made of willow."),
        seo: Seo::default(),
        brand: None,
        categories: Vec::new(),
        attributes: BTreeMap::new(),
        options: Vec::new(),
        add_ons: None,
        media: Vec::new(),
        tax_category: code("standard"),
    }
}

pub fn add_on(amount: i64) -> AddOnDetails {
    AddOnDetails {
        kind: AddOnKind::Knocking,
        name: words("Knocking in"),
        description: words("Two hours by hand."),
        product_types: vec![code("bat")],
        prices: BTreeMap::from([(Currency::GBP, amount)]),
        lead_days: 2,
        not_returnable: true,
        tax_category: code("standard"),
        position: 0,
    }
}

pub fn make(shop: &mut Harness, details: ProductDetails, variants: Vec<VariantDetails>) -> ProductId {
    ProductId::from_bits(shop.make(Command::CreateProduct { details, variants, publish: false }))
}
