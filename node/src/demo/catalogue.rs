//! The catalogue of a demo shop.

use super::grow;
use super::logins::DemoError;
use super::plan::{self, Choice, Picture, Plan, PlannedVariant, blade_attributes};
use super::range::{ADD_ONS, CATEGORIES, Kind, Words, price_in};
use super::shop::{Making, STANDARD, code, made, parsed};
use crate::writer::WriteError;
use futures::{StreamExt, TryStreamExt, stream};
use gearify_commerce::catalog::{
    self, AddOnDetails, AddOnKind, AttributeDetails, AttributeKind, AttributeValue, CategoryDetails, Command,
    Level, MediaDetails, MediaKind, OptionTypeDetails, OptionValueDetails, ProductDetails,
    ProductTypeDetails, Seo, Sku, StockComponent, Unit, Variant, VariantDetails,
};
use gearify_commerce::pricing::{self, Price, PriceListDetails};
use gearify_commerce::tenants::BlobHash;
use gearify_commerce::text::{Name, Slug, Text};
use gearify_commerce::{
    CategoryId, Code, GroupKind, MediaId, ProductId, ReadScope, Site, StockItemId, VariantId,
};
use gearify_storage::BlobStore;
use gearify_web::illustration::{self, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// Commands under way at a time: enough to fill entries.
pub const AT_ONCE: usize = 64;
/// Price rows of one command.
const PRICES_AT_ONCE: usize = 400;
/// The one price list.
const LIST: &str = "standard";

/// A variant that was made.
#[derive(Clone, Debug)]
pub struct Good {
    pub variant: VariantId,
    pub sku: String,
    pub is_kit: bool,
    price: i64,
    compare_at: Option<i64>,
}

/// An attribute's code and name, and its choices likewise.
type AttributePlan = (&'static str, Words, &'static [(&'static str, Words)]);

/// Attributes that products have.
const ATTRIBUTES: &[AttributePlan] = &[
    (
        "level",
        ("Level", "स्तर"),
        &[("pro", ("Professional", "पेशेवर")), ("club", ("Club", "क्लब")), ("starter", ("Starter", "शुरुआती"))],
    ),
    ("willow", ("Willow", "विलो"), &[("english", ("English", "इंग्लिश")), ("kashmir", ("Kashmir", "कश्मीर"))]),
    (
        "sweet_spot",
        ("Sweet spot", "स्वीट स्पॉट"),
        &[
            ("low", ("Low", "नीचा")),
            ("mid", ("Middle", "बीच")),
            ("mid_high", ("Middle to high", "बीच से ऊँचा")),
            ("high", ("High", "ऊँचा")),
        ],
    ),
    (
        "handle",
        ("Handle", "हैंडल"),
        &[
            ("round", ("Round", "गोल")),
            ("oval", ("Oval", "अंडाकार")),
            ("semi_oval", ("Semi-oval", "अर्ध-अंडाकार")),
        ],
    ),
    (
        "palm",
        ("Palm", "हथेली"),
        &[
            ("calf", ("Calf leather", "बछड़े का चमड़ा")),
            ("sheep", ("Sheep leather", "भेड़ का चमड़ा")),
            ("cotton", ("Cotton", "सूती")),
        ],
    ),
    ("grille", ("Grille", "ग्रिल"), &[("titanium", ("Titanium", "टाइटेनियम")), ("steel", ("Steel", "स्टील"))]),
    ("ball_use", ("Use", "उपयोग"), &[("match", ("Match", "मैच")), ("training", ("Training", "अभ्यास"))]),
    (
        "ball_colour",
        ("Colour", "रंग"),
        &[("red", ("Red", "लाल")), ("white", ("White", "सफ़ेद")), ("pink", ("Pink", "गुलाबी"))],
    ),
    ("sleeve", ("Sleeve", "बाँह"), &[("short", ("Short", "आधी")), ("long", ("Long", "पूरी"))]),
    ("sole", ("Sole", "तला"), &[("spikes", ("Spikes", "स्पाइक")), ("rubber", ("Rubber", "रबर"))]),
];

const GRADES: &[(&str, Words)] = &[
    ("grade_1", ("Grade 1", "ग्रेड 1")),
    ("grade_2", ("Grade 2", "ग्रेड 2")),
    ("grade_3", ("Grade 3", "ग्रेड 3")),
];
const CLASSES: &[(&str, Words)] =
    &[("light", ("Light", "हल्का")), ("medium", ("Medium", "मध्यम")), ("heavy", ("Heavy", "भारी"))];

/// Makes structure, pictures, products and prices; answers every variant.
pub async fn make(making: &Making<'_>, blobs: &BlobStore, products: u32) -> Result<Vec<Good>, DemoError> {
    let mut plans = plan::hand_made();
    let grown = (products as usize).saturating_sub(plans.len()) as u32;
    plans.extend((0..grown).map(grow::plan));
    attributes(making).await?;
    product_types(making, &plans).await?;
    options(making, &plans).await?;
    let categories = categories(making).await?;
    add_ons(making).await?;
    let media = pictures(making, blobs, &plans).await?;
    let list = PriceListDetails {
        code: code(LIST)?,
        name: parsed(Name::parse("Standard"))?,
        currency: making.currency,
        countries: Vec::new(),
        customer_group: None,
        tax_included: making.shop.tax.1,
    };
    making
        .wide
        .command("prices/list", pricing::Command::PutPriceList { expected: None, details: list })
        .await?;
    let maker = Maker { making, categories, media };
    let (kits, single): (Vec<Plan>, Vec<Plan>) = plans.into_iter().partition(|plan| !plan.parts.is_empty());
    let mut firsts: BTreeMap<String, StockItemId> = BTreeMap::new();
    let mut goods = Vec::new();
    for (slug, made) in maker.products(single, &firsts).await? {
        firsts.extend(made.first().map(|good| (slug, Variant::own_stock_item(good.variant))));
        goods.extend(made);
    }
    for (_, made) in maker.products(kits, &firsts).await? {
        goods.extend(made);
    }
    prices(making, &goods).await?;
    Ok(goods)
}

async fn attributes(making: &Making<'_>) -> Result<(), DemoError> {
    let mut details = Vec::new();
    for (position, (attribute, name, values)) in ATTRIBUTES.iter().enumerate() {
        details.push(choices(making, attribute, *name, values, Level::Product, 10 + position as u32)?);
    }
    details.push(choices(making, catalog::GRADE, ("Grade", "ग्रेड"), GRADES, Level::Variant, 1)?);
    details.push(AttributeDetails {
        code: code(catalog::WEIGHT)?,
        name: making.text(("Weight", "वज़न")),
        kind: AttributeKind::Number { unit: Some(Unit::Gram), decimals: 0 },
        level: Level::Variant,
        facet: true,
        sortable: true,
        compared: true,
        position: 2,
    });
    let class =
        choices(making, catalog::WEIGHT_CLASS, ("Weight class", "वज़न वर्ग"), CLASSES, Level::Variant, 3)?;
    // A filter; beside the weight itself in a list it tells nothing.
    details.push(AttributeDetails { compared: false, ..class });
    for details in details {
        let step = format!("attribute/{}", details.code);
        making.wide.command(&step, Command::PutAttribute { expected: None, details }).await?;
    }
    Ok(())
}

fn choices(
    making: &Making<'_>,
    attribute: &str,
    name: Words,
    values: &[(&str, Words)],
    level: Level,
    position: u32,
) -> Result<AttributeDetails, DemoError> {
    let values = values
        .iter()
        .map(|(value, label)| Ok(catalog::Choice { code: code(value)?, label: making.text(*label) }));
    Ok(AttributeDetails {
        code: code(attribute)?,
        name: making.text(name),
        kind: AttributeKind::Choice { values: values.collect::<Result<_, DemoError>>()? },
        level,
        facet: true,
        sortable: false,
        compared: true,
        position,
    })
}

async fn product_types(making: &Making<'_>, plans: &[Plan]) -> Result<(), DemoError> {
    for kind in Kind::ALL {
        let of_kind = plans.iter().filter(|plan| plan.kind == kind);
        let mut codes: BTreeSet<&str> =
            of_kind.flat_map(|plan| plan.attributes.iter().map(|(code, _)| *code)).collect();
        if kind == Kind::Bat {
            codes.extend([catalog::GRADE, catalog::WEIGHT, catalog::WEIGHT_CLASS]);
        }
        let attributes = codes.into_iter().map(code).collect::<Result<Vec<Code>, DemoError>>()?;
        let details =
            ProductTypeDetails { code: code(kind.code())?, name: making.text(kind.name()), attributes };
        let step = format!("type/{}", kind.code());
        making.wide.command(&step, Command::PutProductType { expected: None, details }).await?;
    }
    Ok(())
}

async fn options(making: &Making<'_>, plans: &[Plan]) -> Result<(), DemoError> {
    for (option, name) in plan::OPTIONS {
        let details = OptionTypeDetails { code: code(option)?, name: making.text(*name) };
        making
            .wide
            .command(&format!("option/{option}"), Command::PutOptionType { expected: None, details })
            .await?;
    }
    let mut seen: BTreeMap<(&str, &str), (&Choice, usize)> = BTreeMap::new();
    for choice in plans.iter().flat_map(|plan| &plan.variants).flat_map(|variant| &variant.options) {
        let appears = seen.len();
        seen.entry((choice.option, &choice.value)).or_insert((choice, appears));
    }
    let mut in_order: Vec<_> = seen.into_iter().collect();
    in_order.sort_by_key(|((option, _), (choice, appears))| (*option, plan::rank(choice), *appears));
    for (position, ((option, value), (choice, _))) in (0u32..).zip(in_order) {
        let (english, hindi) = &choice.label;
        let details = OptionValueDetails {
            option: code(option)?,
            code: code(value)?,
            label: making.text((english, hindi)),
            swatch: None,
            position,
        };
        let step = format!("option/{option}/{value}");
        making.wide.command(&step, Command::PutOptionValue { expected: None, details }).await?;
    }
    Ok(())
}

async fn categories(making: &Making<'_>) -> Result<BTreeMap<&'static str, CategoryId>, DemoError> {
    let mut ids: BTreeMap<&str, CategoryId> = BTreeMap::new();
    for (position, (path, name)) in CATEGORIES.iter().enumerate() {
        let (parent, slug) =
            path.rsplit_once('/').map_or((None, *path), |(parent, slug)| (ids.get(parent), slug));
        let details = CategoryDetails {
            parent: parent.copied(),
            slug: parsed(Slug::parse(slug))?,
            name: making.text(*name),
            description: Text::default(),
            image: None,
            position: position as u32,
        };
        let reply =
            making.wide.command(&format!("category/{path}"), Command::CreateCategory { details }).await?;
        ids.insert(path, CategoryId::from_bits(made(reply)?));
    }
    Ok(ids)
}

async fn add_ons(making: &Making<'_>) -> Result<(), DemoError> {
    let kinds = [AddOnKind::Knocking, AddOnKind::Oiling, AddOnKind::ToeBinding];
    for (position, ((step, name, text, pence, lead_days), kind)) in ADD_ONS.iter().zip(kinds).enumerate() {
        let details = AddOnDetails {
            kind,
            name: making.text(*name),
            description: making.text(*text),
            product_types: vec![code(Kind::Bat.code())?],
            prices: BTreeMap::from([(making.currency, price_in(making.shop.currency, *pence))]),
            lead_days: *lead_days,
            not_returnable: true,
            tax_category: code(STANDARD)?,
            position: position as u32,
        };
        making.wide.command(&format!("add-on/{step}"), Command::CreateAddOn { details }).await?;
    }
    Ok(())
}

/// Draws what the plans want, each picture once.
async fn pictures(
    making: &Making<'_>,
    blobs: &BlobStore,
    plans: &[Plan],
) -> Result<BTreeMap<String, MediaId>, DemoError> {
    let mut wanted: BTreeMap<String, (Picture, &Plan, bool)> = BTreeMap::new();
    for plan in plans {
        for picture in &plan.pictures {
            let known = wanted.entry(spec_of(picture)?.to_string());
            known.and_modify(|(.., shared)| *shared = true).or_insert((*picture, plan, false));
        }
    }
    let draw =
        async |(name, (picture, plan, shared)): (String, (Picture, &Plan, bool))| -> Result<(String, MediaId), DemoError> {
            let spec = spec_of(&picture)?;
            let hash = blobs.put(spec.svg().as_bytes())?;
            // A picture of one product is called as it is; one of several shows their kind.
            let (kind, name_of) = (plan.kind.name(), &plan.name);
            let (english, hindi) = if shared { kind } else { (name_of.0.as_str(), name_of.1.as_str()) };
            let primary = spec.palette().primary;
            let details = MediaDetails {
                hash: parsed(BlobHash::parse(&hash.to_string()))?,
                kind: MediaKind::Drawing,
                width: illustration::WIDTH,
                height: illustration::HEIGHT,
                alt: making.text((&format!("{english}, drawn"), &format!("{hindi}, चित्र"))),
                focal: None,
                placeholder: gearify_commerce::tenants::Colour::parse(&primary.hex()).ok(),
            };
            let reply =
                making.wide.command(&format!("picture/{name}"), Command::AddMedia { details }).await?;
            Ok((name, MediaId::from_bits(made(reply)?)))
        };
    stream::iter(wanted).map(draw).buffer_unordered(AT_ONCE).try_collect().await
}

fn spec_of((drawing, palette, seed): &Picture) -> Result<Spec, DemoError> {
    Spec::new(*drawing, palette, *seed)
        .ok_or_else(|| DemoError::Data(format!("no palette is called {palette}")))
}

struct Maker<'m, 'b> {
    making: &'m Making<'b>,
    categories: BTreeMap<&'static str, CategoryId>,
    media: BTreeMap<String, MediaId>,
}

impl Maker<'_, '_> {
    /// Makes products side by side; `parts` are the stock items of kits' parts.
    async fn products(
        &self,
        plans: Vec<Plan>,
        parts: &BTreeMap<String, StockItemId>,
    ) -> Result<Vec<(String, Vec<Good>)>, DemoError> {
        stream::iter(plans).map(|plan| self.product(plan, parts)).buffered(AT_ONCE).try_collect().await
    }

    async fn product(
        &self,
        plan: Plan,
        parts: &BTreeMap<String, StockItemId>,
    ) -> Result<(String, Vec<Good>), DemoError> {
        let details = self.details(&plan)?;
        let variants = plan.variants.iter().zip(0..);
        let variants = variants
            .map(|(variant, position)| self.variant(&plan, variant, position, parts))
            .collect::<Result<Vec<_>, DemoError>>()?;
        let command = Command::CreateProduct { details, variants, publish: true };
        let reply = self.making.wide.command(&format!("product/{}", plan.slug), command).await?;
        let product = ProductId::from_bits(made(reply)?);
        let goods = self.goods(&plan, product)?;
        Ok((plan.slug, goods))
    }

    fn details(&self, plan: &Plan) -> Result<ProductDetails, DemoError> {
        let media = plan.pictures.iter().map(|picture| {
            let name = spec_of(picture)?.to_string();
            self.media.get(&name).copied().ok_or_else(|| DemoError::Data(format!("{name} was not drawn")))
        });
        let attributes = plan
            .attributes
            .iter()
            .map(|(attribute, value)| Ok((code(attribute)?, AttributeValue::Choice(code(value)?))));
        let options: BTreeSet<&str> = plan.variants[0].options.iter().map(|choice| choice.option).collect();
        let in_order =
            plan::OPTIONS.iter().map(|(option, _)| *option).filter(|option| options.contains(option));
        let (english, hindi) = (&plan.name, &plan.text);
        Ok(ProductDetails {
            slug: parsed(Slug::parse(&plan.slug))?,
            product_type: code(plan.kind.code())?,
            name: self.making.text((&english.0, &english.1)),
            description: self.making.text((&hindi.0, &hindi.1)),
            seo: Seo::default(),
            brand: Some(parsed(Name::parse(plan.brand))?),
            categories: self.categories.get(plan.category).copied().into_iter().collect(),
            attributes: attributes.collect::<Result<_, DemoError>>()?,
            options: in_order.map(code).collect::<Result<_, DemoError>>()?,
            add_ons: None,
            media: media.collect::<Result<_, DemoError>>()?,
            tax_category: code(STANDARD)?,
        })
    }

    fn variant(
        &self,
        plan: &Plan,
        planned: &PlannedVariant,
        position: u32,
        parts: &BTreeMap<String, StockItemId>,
    ) -> Result<VariantDetails, DemoError> {
        let mut details = VariantDetails::new(parsed(Sku::parse(&planned.sku))?);
        for choice in &planned.options {
            details.options.insert(code(choice.option)?, code(&choice.value)?);
        }
        if let Some(blade) = &planned.blade {
            let (grade, grams, class) = blade_attributes(blade);
            if let Some(grade) = grade {
                details.attributes.insert(code(catalog::GRADE)?, AttributeValue::Choice(code(&grade)?));
            }
            details.attributes.insert(code(catalog::WEIGHT)?, AttributeValue::Number(grams.into()));
            details.attributes.insert(code(catalog::WEIGHT_CLASS)?, AttributeValue::Choice(code(class)?));
        }
        details.shipping_weight_grams = planned.shipping_grams;
        details.position = position;
        for part in plan.parts {
            let item = parts.get(*part).copied();
            let item = item.ok_or_else(|| DemoError::Data(format!("{part} is no product of the range")))?;
            details.components.push(StockComponent { item, per_unit: 1 });
        }
        Ok(details)
    }

    fn goods(&self, plan: &Plan, product: ProductId) -> Result<Vec<Good>, DemoError> {
        let (tenant, currency) = (self.making.wide.tenant(), self.making.shop.currency);
        let state = self.making.wide.backend().state(GroupKind::Catalogue);
        let view = ReadScope::new(&**state, tenant, Site::NONE);
        let made = catalog::live_variants_of(&view, product);
        let good = |planned: &PlannedVariant| {
            let variant = made.iter().find(|variant| variant.details.sku.as_str() == planned.sku);
            let variant = variant.ok_or_else(|| DemoError::Data(format!("{} was not made", planned.sku)))?;
            let price = price_in(currency, plan.pence + planned.extra_pence);
            // Former prices were round, as prices on labels are.
            let was = (plan.pence + planned.extra_pence) * (100 + plan.was_percent) / 100;
            let was = price_in(currency, (was + 499) / 500 * 500);
            Ok(Good {
                variant: variant.id,
                sku: planned.sku.clone(),
                is_kit: !plan.parts.is_empty(),
                price,
                compare_at: (plan.was_percent > 0).then_some(was),
            })
        };
        plan.variants.iter().map(good).collect()
    }
}

async fn prices(making: &Making<'_>, goods: &[Good]) -> Result<(), DemoError> {
    let list = code(LIST)?;
    let set = async |(n, goods): (usize, &[Good])| -> Result<(), WriteError> {
        let row = |good: &Good| Price {
            variant: good.variant,
            list: list.clone(),
            min_quantity: 1,
            amount: good.price,
            compare_at: good.compare_at,
            starts: None,
            ends: None,
        };
        let prices = goods.iter().map(row).collect();
        // Named by what it sets, too: a grown range sets other prices under the same number.
        let step = format!("prices/{n}/{}", goods.last().map_or("", |good| &good.sku));
        making.wide.command(&step, pricing::Command::SetPrices { prices }).await.map(drop)
    };
    let chunks = goods.chunks(PRICES_AT_ONCE).enumerate();
    Ok(stream::iter(chunks).map(set).buffer_unordered(8).try_collect::<()>().await?)
}
