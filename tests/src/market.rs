//! A shop to tell stories about: one tenant, made through the same commands as any.

use crate::stage::{Stage, look};
use gearify_commerce::cart::Address;
use gearify_commerce::catalog::{
    self, AddOnDetails, AddOnKind, Policy, ProductDetails, Seo, Sku, Variant, VariantDetails,
};
use gearify_commerce::code::Code;
use gearify_commerce::command::GroupKind;
use gearify_commerce::ids::uuid_v7;
use gearify_commerce::inventory::{self, Reason};
use gearify_commerce::pricing::{self, Price, PriceListDetails};
use gearify_commerce::shipping::{self, Area, RateDetails, Tariff, ZoneDetails};
use gearify_commerce::tax::{self, Due, Place, Rate, ZoneRate};
use gearify_commerce::tenants::{
    self, Branding, Colour, FontFamily, Host, PaymentMethod, Profile, Settings, TimeZone,
};
use gearify_commerce::{
    Actor, AddOnId, Country, Currency, Locale, Name, RateId, Slug, TenantId, Text, VariantId, WarehouseId,
    ZoneId,
};
use gearify_web::ports_search::Availability;
use gearify_web::read::stock::Needs;
use std::collections::BTreeMap;

/// A small shop in Britain: prices with VAT, one warehouse (more may be added), one way of delivery.
pub struct Market {
    pub tenant: TenantId,
    pub warehouses: Vec<WarehouseId>,
    pub variants: BTreeMap<String, VariantId>,
    pub add_ons: BTreeMap<String, AddOnId>,
    pub rate: RateId,
}

pub fn code(text: &str) -> Code {
    Code::parse(text).expect("a code in a story is well formed")
}

pub fn name(text: &str) -> Name {
    Name::parse(text).expect("a name in a story is well formed")
}

pub fn english() -> Locale {
    Locale::parse("en-GB").expect("a known language")
}

pub fn britain() -> Country {
    Country::parse("GB").expect("a known country")
}

fn words(text: &str) -> Text {
    Text::new(english(), text)
}

/// Where somebody in a story lives.
pub fn address(name: &str, street: &str) -> Address {
    Address {
        name: name.into(),
        company: None,
        phone: None,
        line1: format!("1 {street} Lane"),
        line2: None,
        locality: None,
        city: Some("Exampleton".into()),
        region_code: None,
        region: None,
        postal_code: Some("EX1 1EX".into()),
        country: britain(),
        tax_id: None,
    }
}

/// What delivery costs in a story, with VAT.
pub const DELIVERY_MINOR: i64 = 495;

impl Market {
    /// Opens the shop.
    pub fn open(stage: &mut dyn Stage, slug: &str) -> Market {
        let mut market = Market::open_in(stage, slug, "home");
        market.warehouse(stage, "MAIN");
        market
    }

    /// Opens the shop in a region, without a warehouse: what lies in one is the region's own.
    pub fn open_in(stage: &mut dyn Stage, slug: &str, region: &str) -> Market {
        let bits = u128::from_be_bytes(stage.vault().hash(TenantId::PLATFORM, "tenant", slug.as_bytes()));
        let tenant = TenantId::from_bits(uuid_v7(stage.now(), bits));
        let mut settings = Settings::new(
            Currency::GBP,
            english(),
            britain(),
            TimeZone::parse("Europe/London").expect("a known zone"),
        );
        settings.payment_methods = vec![PaymentMethod::Test, PaymentMethod::Manual];
        let create = tenants::Command::CreateTenant {
            slug: Slug::parse(slug).expect("a slug in a story is well formed"),
            profile: Profile { name: name("Willow & Seam"), plan: code("standard") },
            domains: vec![
                Host::parse(&format!("{slug}.localhost")).expect("a host in a story is well formed"),
            ],
            branding: Branding {
                logo: None,
                header_colour: Colour::parse("#ffffff").expect("a colour"),
                primary_colour: Colour::parse("#1f4d3a").expect("a colour"),
                secondary_colour: Colour::parse("#c8a45c").expect("a colour"),
                font: FontFamily::Classic,
            },
            settings,
            region: name(region),
        };
        do_it(stage, tenant, create);
        tax_and_lists(stage, tenant);
        let rate = delivery(stage, tenant);
        Market { tenant, warehouses: Vec::new(), variants: BTreeMap::new(), add_ons: BTreeMap::new(), rate }
    }

    /// Adds a product with one variant at a price with VAT.
    pub fn product(&mut self, stage: &mut dyn Stage, sku: &str, minor: i64) {
        let slug = Slug::from_name(sku).expect("an SKU in a story makes a slug");
        let details = ProductDetails {
            slug,
            product_type: code("bat"),
            name: words(sku),
            description: Text::default(),
            seo: Seo::default(),
            brand: None,
            categories: Vec::new(),
            attributes: BTreeMap::new(),
            options: Vec::new(),
            add_ons: None,
            media: Vec::new(),
            tax_category: code("standard"),
        };
        let parsed = Sku::parse(sku).expect("an SKU in a story is well formed");
        let variant = VariantDetails { shipping_weight_grams: 1_200, ..VariantDetails::new(parsed) };
        do_it(
            stage,
            self.tenant,
            catalog::Command::CreateProduct { details, variants: vec![variant], publish: true },
        );
        let variant = self.variant(stage, sku).id;
        let price = Price {
            variant,
            list: code("gbp"),
            min_quantity: 1,
            amount: minor,
            compare_at: None,
            starts: None,
            ends: None,
        };
        do_it(stage, self.tenant, pricing::Command::SetPrices { prices: vec![price] });
        self.variants.insert(sku.to_owned(), variant);
    }

    /// Adds products with what they cost and how many pieces of them lie in the first warehouse.
    pub fn sells(&mut self, stage: &mut dyn Stage, goods: &[(&str, i64, i64)]) {
        for (sku, minor, pieces) in goods {
            self.product(stage, sku, *minor);
            self.stock(stage, sku, 0, *pieces);
        }
    }

    /// Says what happens when nothing of a product is left.
    pub fn policy(&self, stage: &mut dyn Stage, sku: &str, policy: Policy) {
        let variant = self.variant(stage, sku);
        let details = VariantDetails { policy, ..variant.details };
        let update = catalog::Command::UpdateVariant { variant: variant.id, expected: None, details };
        do_it(stage, self.tenant, update);
    }

    fn variant(&self, stage: &dyn Stage, sku: &str) -> Variant {
        let sku = Sku::parse(sku).expect("an SKU in a story is well formed");
        let found =
            look(stage, GroupKind::Catalogue, self.tenant, |view| catalog::variant_by_sku(view, &sku));
        found.expect("the product was made")
    }

    /// What a shopper who looks at it is told of a product.
    pub fn availability(&self, stage: &dyn Stage, sku: &str) -> Availability {
        let needs = Needs::of(&self.variant(stage, sku));
        look(stage, GroupKind::Region, self.tenant, |view| needs.availability(view))
    }

    /// Counts pieces into a warehouse, by its place in the list.
    pub fn stock(&self, stage: &mut dyn Stage, sku: &str, warehouse: usize, delta: i64) {
        let item = catalog::Variant::own_stock_item(self.variants[sku]);
        let (sku, warehouse) = (sku.to_owned(), self.warehouses[warehouse]);
        do_it(
            stage,
            self.tenant,
            inventory::Command::Adjust { item, sku, warehouse, delta, reason: Reason::Received },
        );
    }

    /// Pieces of an SKU that can still be promised.
    pub fn available(&self, stage: &dyn Stage, sku: &str) -> i64 {
        let item = catalog::Variant::own_stock_item(self.variants[sku]);
        look(stage, GroupKind::Region, self.tenant, |view| inventory::available(view, item))
    }

    pub fn warehouse(&mut self, stage: &mut dyn Stage, code: &str) {
        let priority = self.warehouses.len() as u16 + 1;
        let made = warehouse(stage, self.tenant, code, priority);
        self.warehouses.push(made);
    }

    /// Offers an add-on for bats.
    pub fn add_on(&mut self, stage: &mut dyn Stage, label: &str, minor: i64) {
        let details = AddOnDetails {
            kind: AddOnKind::Knocking,
            name: words(label),
            description: Text::default(),
            product_types: vec![code("bat")],
            prices: BTreeMap::from([(Currency::GBP, minor)]),
            lead_days: 2,
            not_returnable: true,
            tax_category: code("standard"),
            position: 0,
        };
        let reply = do_it(stage, self.tenant, catalog::Command::CreateAddOn { details });
        let id = AddOnId::from_bits(reply.id.expect("an add-on answers with its id"));
        self.add_ons.insert(label.to_owned(), id);
    }
}

/// Submits as the system; a story's set-up never fails.
pub fn do_it(
    stage: &mut dyn Stage,
    tenant: TenantId,
    command: impl Into<gearify_commerce::Command>,
) -> gearify_commerce::Reply {
    let command: gearify_commerce::Command = command.into();
    let told = format!("{command:?}");
    let result = stage.submit(tenant, Actor::System, None, command.into_intent());
    result.unwrap_or_else(|refusal| panic!("setting the scene failed: {refusal}: {told}"))
}

trait IntoIntent {
    fn into_intent(self) -> gearify_commerce::intent::Intent;
}

impl IntoIntent for gearify_commerce::Command {
    fn into_intent(self) -> gearify_commerce::intent::Intent {
        gearify_commerce::intent::Intent::Ready(Box::new(self))
    }
}

fn tax_and_lists(stage: &mut dyn Stage, tenant: TenantId) {
    let details =
        catalog::ProductTypeDetails { code: code("bat"), name: words("Bat"), attributes: Vec::new() };
    do_it(stage, tenant, catalog::Command::PutProductType { expected: None, details });
    let zone = tax::Command::CreateZone { name: name("Britain"), places: vec![Place::country(britain())] };
    let zone = ZoneId::from_bits(do_it(stage, tenant, zone).id.expect("a zone answers with its id"));
    let vat = Rate { code: name("VAT"), name: name("VAT 20 %"), jurisdiction: name("GB"), rate_ppm: 200_000 };
    let rates = vec![ZoneRate { due: Due::Always, rate: vat }];
    do_it(stage, tenant, tax::Command::SetRates { zone, category: code("standard"), expected: None, rates });
    let list = PriceListDetails {
        code: code("gbp"),
        name: name("Pounds"),
        currency: Currency::GBP,
        countries: Vec::new(),
        customer_group: None,
        tax_included: true,
    };
    do_it(stage, tenant, pricing::Command::PutPriceList { expected: None, details: list });
}

fn warehouse(stage: &mut dyn Stage, tenant: TenantId, code: &str, priority: u16) -> WarehouseId {
    let put = inventory::Command::PutWarehouse {
        id: None,
        code: code.to_owned(),
        name: name(code),
        country: britain(),
        priority,
        active: true,
    };
    WarehouseId::from_bits(do_it(stage, tenant, put).id.expect("a warehouse answers with its id"))
}

fn delivery(stage: &mut dyn Stage, tenant: TenantId) -> RateId {
    let area = Area { country: britain(), region: None, postal_prefixes: Vec::new() };
    let zone =
        shipping::Command::CreateZone { details: ZoneDetails { name: name("Britain"), areas: vec![area] } };
    let zone = ZoneId::from_bits(do_it(stage, tenant, zone).id.expect("a zone answers with its id"));
    let details = RateDetails {
        name: words("Standard"),
        carrier: name("Parcel Post"),
        tariffs: BTreeMap::from([(Currency::GBP, Tariff::flat(DELIVERY_MINOR))]),
        days_min: 2,
        days_max: 4,
        tax_category: code("standard"),
        position: 0,
    };
    let rate = do_it(stage, tenant, shipping::Command::CreateRate { zone, details });
    RateId::from_bits(rate.id.expect("a rate answers with its id"))
}
