//! Two shops and an operator, made through the same commands as any.

use super::{Client, MemoryBackend};
use crate::app::{AppState, Parts, app};
use crate::auth::{SigningKey, StaticKeys};
use crate::ports::Backend;
use crate::ports_regions::{OneRegion, Regions};
use crate::settings::{Rates, Settings};
use axum::Router;
use futures::FutureExt;
use gearify_commerce::catalog::{
    self, AddOnDetails, AddOnKind, CategoryDetails, OptionTypeDetails, OptionValueDetails, ProductDetails,
    Seo, Sku, VariantDetails,
};
use gearify_commerce::code::Code;
use gearify_commerce::command::{CommandId, GroupKind, Keep};
use gearify_commerce::intent::{Intent, Request, StaffIntent};
use gearify_commerce::inventory::{self, Reason};
use gearify_commerce::pricing::{self, Price, PriceListDetails};
use gearify_commerce::shipping::{self, Area, RateDetails, Tariff, ZoneDetails};
use gearify_commerce::tax::{self, Due, Place, Rate, ZoneRate};
use gearify_commerce::tenants::{self, Branding, Colour, FontFamily, Host, PaymentMethod, Profile, TimeZone};
use gearify_commerce::{
    Actor, AddOnId, CategoryId, Country, Currency, Locale, Name, ProductId, RateId, Site, Slug, TenantId,
    Text, VariantId, WarehouseId, ZoneId,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub const OWNER_EMAIL: &str = "owner@willow.example";
/// Of every staff member and operator here.
pub const STAFF_PASSWORD: &str = "correct horse battery";

/// A node in memory with `willow.localhost` (stocked), `boundary.localhost` (empty) and an operator.
pub struct Shopfront {
    pub backend: Arc<MemoryBackend>,
    pub app: Router,
    pub state: AppState,
    pub tenant: TenantId,
    pub other: TenantId,
    pub product: ProductId,
    pub category: CategoryId,
    /// By SKU: `BAT-SH`, `BAT-LH`, `BALL`.
    pub variants: BTreeMap<&'static str, VariantId>,
    pub knocking: AddOnId,
    pub warehouse: WarehouseId,
    pub rate: RateId,
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn words(text: &str) -> Text {
    Text::new(Locale::parse("en-GB").expect("a locale"), text)
}

fn country(text: &str) -> Country {
    Country::parse(text).expect("a country")
}

impl Shopfront {
    pub fn open() -> Shopfront {
        Shopfront::with_settings(Settings {
            rates: Rates { enabled: false, ..Rates::default() },
            ..Settings::default()
        })
    }

    pub fn with_settings(settings: Settings) -> Shopfront {
        Shopfront::beside(Arc::new(OneRegion("home".into())), settings)
    }

    /// On a node that has others beside it.
    pub fn beside(regions: Arc<dyn Regions>, settings: Settings) -> Shopfront {
        let backend = Arc::new(MemoryBackend::default());
        let tenant = make_tenant(&backend, "willow", 0x71);
        let other = make_tenant(&backend, "boundary", 0x72);
        let state = AppState::new(Parts {
            backend: backend.clone(),
            blobs: backend.clone(),
            search: backend.clone(),
            lists: backend.clone(),
            keys: Arc::new(StaticKeys::new(SigningKey::from_seed(&[7; 32]).expect("a seed"))),
            clock: backend.clone(),
            health: backend.clone(),
            regions,
            settings,
        });
        let stock = Stock::put(&backend, tenant);
        add_staff(&backend, tenant, OWNER_EMAIL, "owner");
        add_staff(&backend, tenant, "support@willow.example", "support");
        add_staff(&backend, other, "owner@boundary.example", "owner");
        add_staff(&backend, TenantId::PLATFORM, "operator@platform.example", "operator");
        let Stock { product, category, variants, knocking, warehouse, rate } = stock;
        let app = app(state.clone());
        Shopfront {
            backend,
            app,
            state,
            tenant,
            other,
            product,
            category,
            variants,
            knocking,
            warehouse,
            rate,
        }
    }

    /// A visitor of the shop.
    pub fn visitor(&self) -> Client {
        Client::new(self.app.clone(), "willow.localhost")
    }

    pub fn visitor_of(&self, host: &str) -> Client {
        Client::new(self.app.clone(), host)
    }

    /// A signed-in member of staff.
    pub async fn staff(&self, email: &str) -> Client {
        let host =
            if email.ends_with("boundary.example") { "boundary.localhost" } else { "willow.localhost" };
        let client = self.visitor_of(host);
        let body = serde_json::json!({ "email": email, "password": STAFF_PASSWORD });
        let tokens = client.post("/api/v1/admin/auth/login", body).await.expect(200).json();
        client.bearer(tokens["access_token"].as_str().expect("a token"))
    }

    /// Another colleague in the first shop.
    pub fn add_staff(&self, email: &str, role: &str) {
        add_staff(&self.backend, self.tenant, email, role);
    }

    pub async fn owner(&self) -> Client {
        self.staff(OWNER_EMAIL).await
    }

    pub async fn operator(&self) -> Client {
        let client = self.visitor_of("localhost");
        let body = serde_json::json!({ "email": "operator@platform.example", "password": STAFF_PASSWORD });
        let tokens = client.post("/platform/v1/auth/login", body).await.expect(200).json();
        client.bearer(tokens["access_token"].as_str().expect("a token"))
    }
}

fn make_tenant(backend: &MemoryBackend, slug: &str, bits: u128) -> TenantId {
    let tenant = TenantId::from_bits(bits);
    let zone = TimeZone::parse("Europe/London").expect("a zone");
    let mut settings =
        tenants::Settings::new(Currency::GBP, Locale::parse("en-GB").expect("a locale"), country("GB"), zone);
    settings.payment_methods = vec![PaymentMethod::Test, PaymentMethod::Manual];
    settings.further_locales = vec![Locale::parse("hi-IN").expect("a locale")];
    let colour = |text| Colour::parse(text).expect("a colour");
    backend.run(
        tenant,
        tenants::Command::CreateTenant {
            slug: Slug::parse(slug).expect("a slug"),
            profile: Profile { name: name(slug), plan: code("standard") },
            domains: vec![Host::parse(&format!("{slug}.localhost")).expect("a host")],
            branding: Branding {
                logo: None,
                header_colour: colour("#ffffff"),
                primary_colour: colour("#1f4d3a"),
                secondary_colour: colour("#c8a45c"),
                font: FontFamily::Classic,
            },
            settings,
            region: name("home"),
        },
    );
    tenant
}

/// Hashing a password takes long on purpose; all staff share one hash.
fn staff_password_hash() -> &'static str {
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HASH.get_or_init(|| crate::auth::Passwords::hash_now(STAFF_PASSWORD).expect("a hash"))
}

fn add_staff(backend: &MemoryBackend, tenant: TenantId, email: &str, role: &str) {
    let intent = StaffIntent::Add {
        email: email.into(),
        name: "Sam Scorer".into(),
        role: role.into(),
        password_hash: Some(staff_password_hash().to_owned()),
        setup_token_hash: None,
    };
    let request = Request {
        id: CommandId(rand::random()),
        keep: Keep::Nothing,
        hash: [0; 16],
        tenant,
        site: Site::NONE,
        actor: Actor::System,
        intent: Intent::Staff(intent),
    };
    let decided =
        backend.submit(request).now_or_never().expect("memory never waits").expect("memory decides");
    decided.result.expect("the first staff member is welcome");
}

struct Stock {
    product: ProductId,
    category: CategoryId,
    variants: BTreeMap<&'static str, VariantId>,
    knocking: AddOnId,
    warehouse: WarehouseId,
    rate: RateId,
}

impl Stock {
    fn put(backend: &MemoryBackend, tenant: TenantId) -> Stock {
        let made = |reply: gearify_commerce::Reply| reply.id.expect("what is made has an id");
        taxes_and_lists(backend, tenant);
        let english_willow = CategoryDetails {
            parent: None,
            slug: Slug::parse("bats").expect("a slug"),
            name: words("Bats"),
            description: Text::default(),
            image: None,
            position: 0,
        };
        let category =
            made(backend.run(tenant, catalog::Command::CreateCategory { details: english_willow }));
        let category = CategoryId::from_bits(category);
        let knocking = AddOnDetails {
            kind: AddOnKind::Knocking,
            name: words("Knocking in"),
            description: Text::default(),
            product_types: vec![code("bat")],
            prices: BTreeMap::from([(Currency::GBP, 2_000)]),
            lead_days: 2,
            not_returnable: true,
            tax_category: code("standard"),
            position: 0,
        };
        let knocking = AddOnId::from_bits(made(
            backend.run(tenant, catalog::Command::CreateAddOn { details: knocking }),
        ));
        let warehouse = inventory::Command::PutWarehouse {
            id: None,
            code: "MAIN".into(),
            name: name("Main"),
            country: country("GB"),
            priority: 1,
            active: true,
        };
        let warehouse = WarehouseId::from_bits(made(backend.run(tenant, warehouse)));
        let rate = delivery(backend, tenant);
        let size = |value: &str| BTreeMap::from([(code("size"), code(value))]);
        let product = make_product(
            backend,
            tenant,
            Some(category),
            "Seam Edition Bat",
            &["size"],
            &[("BAT-SH", size("sh")), ("BAT-LH", size("lh"))],
        );
        make_product(backend, tenant, None, "Match Ball", &[], &[("BALL", BTreeMap::new())]);
        let mut variants = BTreeMap::new();
        for (sku, price, pieces) in [("BAT-SH", 24_900, 20), ("BAT-LH", 25_900, 0), ("BALL", 1_200, 10)] {
            variants.insert(sku, price_and_stock(backend, tenant, warehouse, sku, price, pieces));
        }
        Stock { product, category, variants, knocking, warehouse, rate }
    }
}

fn make_product(
    backend: &MemoryBackend,
    tenant: TenantId,
    category: Option<CategoryId>,
    title: &str,
    options: &[&str],
    variants: &[(&str, BTreeMap<Code, Code>)],
) -> ProductId {
    let details = ProductDetails {
        slug: Slug::from_name(title).expect("a slug"),
        product_type: code("bat"),
        name: words(title),
        description: words("Made for long afternoons."),
        seo: Seo::default(),
        brand: Some(name("Seam & Co")),
        categories: category.into_iter().collect(),
        attributes: BTreeMap::new(),
        options: options.iter().map(|option| code(option)).collect(),
        add_ons: None,
        media: Vec::new(),
        tax_category: code("standard"),
    };
    let variant = |(place, (sku, options)): (usize, &(&str, BTreeMap<Code, Code>))| VariantDetails {
        position: place as u32,
        options: options.clone(),
        shipping_weight_grams: 1_200,
        ..VariantDetails::new(Sku::parse(sku).expect("an SKU"))
    };
    let variants = variants.iter().enumerate().map(variant).collect();
    let reply = backend.run(tenant, catalog::Command::CreateProduct { details, variants, publish: true });
    ProductId::from_bits(reply.id.expect("a product has an id"))
}

fn price_and_stock(
    backend: &MemoryBackend,
    tenant: TenantId,
    warehouse: WarehouseId,
    sku: &str,
    amount: i64,
    pieces: i64,
) -> VariantId {
    let parsed = Sku::parse(sku).expect("an SKU");
    let variant = crate::ports::with_scope(backend, GroupKind::Catalogue, tenant, Site::NONE, |view| {
        catalog::variant_by_sku(view, &parsed)
    });
    let variant = variant.expect("it was just made").id;
    let price = Price {
        variant,
        list: code("gbp"),
        min_quantity: 1,
        amount,
        compare_at: None,
        starts: None,
        ends: None,
    };
    backend.run(tenant, pricing::Command::SetPrices { prices: vec![price] });
    if pieces > 0 {
        let item = catalog::Variant::own_stock_item(variant);
        let reason = Reason::Received;
        backend.run(
            tenant,
            inventory::Command::Adjust { item, sku: sku.into(), warehouse, delta: pieces, reason },
        );
    }
    variant
}

fn taxes_and_lists(backend: &MemoryBackend, tenant: TenantId) {
    let attributes = vec![code("grade"), code("weight")];
    let bat = catalog::ProductTypeDetails { code: code("bat"), name: words("Bat"), attributes };
    backend.run(tenant, catalog::Command::PutProductType { expected: None, details: bat });
    let size = OptionTypeDetails { code: code("size"), name: words("Size") };
    backend.run(tenant, catalog::Command::PutOptionType { expected: None, details: size });
    for (position, (value, label)) in [("sh", "Short Handle"), ("lh", "Long Handle")].into_iter().enumerate()
    {
        let details = OptionValueDetails {
            option: code("size"),
            code: code(value),
            label: words(label),
            swatch: None,
            position: position as u32,
        };
        backend.run(tenant, catalog::Command::PutOptionValue { expected: None, details });
    }
    let places = vec![Place::country(country("GB"))];
    let zone = backend.run(tenant, tax::Command::CreateZone { name: name("Britain"), places });
    let zone = ZoneId::from_bits(zone.id.expect("a zone has an id"));
    let vat = Rate { code: name("VAT"), name: name("VAT 20 %"), jurisdiction: name("GB"), rate_ppm: 200_000 };
    let rates = vec![ZoneRate { due: Due::Always, rate: vat }];
    backend.run(tenant, tax::Command::SetRates { zone, category: code("standard"), expected: None, rates });
    let details = PriceListDetails {
        code: code("gbp"),
        name: name("Pounds"),
        currency: Currency::GBP,
        countries: Vec::new(),
        customer_group: None,
        tax_included: true,
    };
    backend.run(tenant, pricing::Command::PutPriceList { expected: None, details });
}

fn delivery(backend: &MemoryBackend, tenant: TenantId) -> RateId {
    let area = Area { country: country("GB"), region: None, postal_prefixes: Vec::new() };
    let details = ZoneDetails { name: name("Britain"), areas: vec![area] };
    let zone = backend.run(tenant, shipping::Command::CreateZone { details });
    let zone = ZoneId::from_bits(zone.id.expect("a zone has an id"));
    let details = RateDetails {
        name: words("Standard"),
        carrier: name("Pavilion Post"),
        tariffs: BTreeMap::from([(Currency::GBP, Tariff::flat(495))]),
        days_min: 2,
        days_max: 4,
        tax_category: code("standard"),
        position: 0,
    };
    let rate = backend.run(tenant, shipping::Command::CreateRate { zone, details });
    RateId::from_bits(rate.id.expect("a rate has an id"))
}
