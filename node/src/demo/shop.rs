//! Making one demo shop, from its tenant to its customer.

use super::logins::{Demo, DemoError, hashed};
use super::range::Shop;
use super::{catalogue, stock};
use crate::backend::NodeBackend;
use crate::writer::Writer;
use gearify_commerce::intent::{CustomerIntent, Intent, StaffIntent};
use gearify_commerce::locale::{Country, Locale, RegionCode};
use gearify_commerce::shipping::{self, Area, Charge, RateDetails, Tariff, WeightBand, ZoneDetails};
use gearify_commerce::tax::{self, Due, Place, ZoneRate};
use gearify_commerce::tenants::{
    Branding, Colour, Command as Tenants, FontFamily, Host, LegalEntity, NumberPrefix, OrderNumbers,
    PageKind, PaymentMethod, Profile, Settings, TimeZone,
};
use gearify_commerce::text::{Name, Slug, Text};
use gearify_commerce::{Code, Currency, RateId, Site, ZoneId};
use gearify_storage::BlobStore;
use gearify_web::auth::Passwords;
use std::collections::BTreeMap;

/// The tax category of everything in the demo.
pub const STANDARD: &str = "standard";

/// A shop being made: how to write to it, and its words.
pub struct Making<'a> {
    pub shop: &'static Shop,
    /// Tenant-wide records.
    pub wide: Writer<'a>,
    /// Records of its site.
    pub site: Writer<'a>,
    pub currency: Currency,
    pub locales: Vec<Locale>,
}

impl Making<'_> {
    /// Words in the shop's languages, of English and Hindi.
    pub fn text(&self, (english, hindi): (&str, &str)) -> Text {
        let words = |locale: &Locale| if locale.language() == "hi" { hindi } else { english };
        self.locales.iter().map(|locale| (locale.clone(), words(locale).to_owned())).collect()
    }
}

/// Text of the demo that its types must accept.
pub fn parsed<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, DemoError> {
    result.map_err(|error| DemoError::Data(error.to_string()))
}

pub fn code(text: &str) -> Result<Code, DemoError> {
    parsed(Code::parse(text))
}

pub async fn make(
    backend: &NodeBackend,
    blobs: &BlobStore,
    passwords: &Passwords,
    demo: &Demo,
    shop: &'static Shop,
    products: u32,
) -> Result<(), DemoError> {
    let (tenant, owner, customer) = demo.shop(shop)?;
    let making = Making {
        shop,
        wide: Writer::new(backend, tenant, Site::NONE),
        site: Writer::new(backend, tenant, Site::FIRST),
        currency: parsed(Currency::parse(shop.currency))?,
        locales: parsed(shop.locales.iter().map(|locale| Locale::parse(locale)).collect())?,
    };
    let settings = settings(&making)?;
    let create = Tenants::CreateTenant {
        slug: parsed(Slug::parse(shop.slug))?,
        profile: Profile { name: parsed(Name::parse(shop.name))?, plan: code("demo")? },
        domains: vec![parsed(Host::parse(&format!("{}.localhost", shop.slug)))?],
        branding: branding(shop)?,
        settings: settings.clone(),
        region: parsed(Name::parse("home"))?,
    };
    making.wide.command("tenant", create).await?;
    making
        .wide
        .command("legal", Tenants::UpdateLegalEntity { expected: None, legal: Some(legal(shop)?) })
        .await?;
    for kind in PageKind::ALL {
        let body = page(&making, kind);
        making
            .wide
            .command(&format!("page/{}", kind.as_str()), Tenants::UpdatePage { expected: None, kind, body })
            .await?;
    }
    let add = StaffIntent::Add {
        email: owner.email,
        name: "Demo Owner".into(),
        role: "owner".into(),
        password_hash: Some(hashed(passwords, &owner.password).await?),
        setup_token_hash: None,
    };
    making.wide.once("owner", Intent::Staff(add)).await?;
    taxes(&making).await?;
    let rate = delivery(&making).await?;
    let settings = Settings { default_rate: Some(rate), ..settings };
    making.wide.command("settings", Tenants::UpdateSettings { expected: None, settings }).await?;
    let goods = catalogue::make(&making, blobs, products).await?;
    stock::make(&making, &goods).await?;
    let register = CustomerIntent::Register {
        email: customer.email,
        name: "Demo Shopper".into(),
        password_hash: hashed(passwords, &customer.password).await?,
        locale: making.locales[0].clone(),
    };
    making.site.once("customer", Intent::Customer(register)).await?;
    Ok(())
}

fn settings(making: &Making<'_>) -> Result<Settings, DemoError> {
    let shop = making.shop;
    let country = parsed(Country::parse(shop.country))?;
    let time_zone = parsed(TimeZone::parse(shop.time_zone))?;
    let mut settings = Settings::new(making.currency, making.locales[0].clone(), country, time_zone);
    settings.further_locales = making.locales[1..].to_vec();
    settings.payment_methods = vec![PaymentMethod::Test, PaymentMethod::Manual];
    settings.tax.prices_include_tax = shop.tax.1;
    settings.numbers =
        OrderNumbers { prefix: parsed(NumberPrefix::parse(shop.number_prefix))?, start: 1_001 };
    if let Some(region) = shop.home_region {
        settings.home.region = Some(parsed(RegionCode::parse(region))?);
    }
    Ok(settings)
}

fn branding(shop: &Shop) -> Result<Branding, DemoError> {
    let [header, primary, secondary] = shop.colours;
    Ok(Branding {
        logo: None,
        header_colour: parsed(Colour::parse(header))?,
        primary_colour: parsed(Colour::parse(primary))?,
        secondary_colour: parsed(Colour::parse(secondary))?,
        font: FontFamily::Classic,
    })
}

fn legal(shop: &Shop) -> Result<LegalEntity, DemoError> {
    let name = |text: &str| parsed(Name::parse(text));
    Ok(LegalEntity {
        name: name(shop.legal_name)?,
        address: vec![name("1 Example Road")?, name("Demo Town")?],
        country: parsed(Country::parse(shop.country))?,
        registration: Some(name("DEMO-0000")?),
        tax_id: None,
        email: Some(name(&format!("hello@{}.example", shop.slug))?),
        phone: None,
    })
}

fn page(making: &Making<'_>, kind: PageKind) -> Text {
    let (english, hindi) = match kind {
        PageKind::Delivery => (
            "# Delivery\n\nThis is a demo shop: nothing is really sent. Orders placed before noon would leave the same working day; tracking would follow by mail.\n",
            "# डिलीवरी\n\nयह एक डेमो दुकान है: कुछ भी सचमुच नहीं भेजा जाता। दोपहर से पहले के ऑर्डर उसी कार्यदिवस में निकलते।\n",
        ),
        PageKind::Returns => (
            "# Returns\n\nUnused goods could come back within 30 days. A bat that has been knocked in is yours for good.\n",
            "# वापसी\n\nअप्रयुक्त सामान 30 दिनों में लौटाया जा सकता। नॉकिंग किया हुआ बल्ला वापस नहीं होता।\n",
        ),
        PageKind::Privacy => (
            "# Privacy\n\nThis demo runs on your own machine and sends nothing anywhere.\n",
            "# गोपनीयता\n\nयह डेमो आपकी अपनी मशीन पर चलता है और कहीं कुछ नहीं भेजता।\n",
        ),
        PageKind::Terms => (
            "# Terms\n\nA demo shop sells nothing: no order here is a contract, and no money moves.\n",
            "# शर्तें\n\nडेमो दुकान कुछ नहीं बेचती: यहाँ कोई ऑर्डर अनुबंध नहीं, और कोई पैसा नहीं चलता।\n",
        ),
        PageKind::Contact => (
            "# Contact\n\nThere is nobody here: this is a demo. A real shop would tell you its address, telephone and opening hours.\n\n## Paying by transfer\n\nThe account to transfer to would stand here. In the demo, the shop's console marks a payment as received.\n",
            "# संपर्क\n\nयहाँ कोई नहीं है: यह एक डेमो है। असली दुकान अपना पता, फ़ोन और समय बताती।\n\n## बैंक ट्रांसफ़र\n\nखाते का विवरण यहाँ होता। डेमो में दुकान का कंसोल भुगतान को प्राप्त दर्ज करता है।\n",
        ),
    };
    making.text((english, hindi))
}

async fn taxes(making: &Making<'_>) -> Result<(), DemoError> {
    let Making { shop, wide, .. } = making;
    let name = |text: &str| parsed(Name::parse(text));
    let category =
        tax::Command::PutCategory { expected: None, code: code(STANDARD)?, name: name("Standard")? };
    wide.command("tax/category", category).await?;
    let country = parsed(Country::parse(shop.country))?;
    let zone =
        tax::Command::CreateZone { name: name(shop.country_name)?, places: vec![Place::country(country)] };
    let zone = ZoneId::from_bits(made(wide.command("tax/zone", zone).await?)?);
    let rates = shop.tax.0.iter().map(|(due, code, ppm)| {
        let percent = f64::from(*ppm) / 10_000.0;
        let rate = tax::Rate {
            code: name(code)?,
            name: name(&format!("{code} {percent} %"))?,
            jurisdiction: name(shop.country)?,
            rate_ppm: *ppm,
        };
        Ok(ZoneRate { due: due_of(due), rate })
    });
    let rates = rates.collect::<Result<Vec<_>, DemoError>>()?;
    let set = tax::Command::SetRates { zone, category: code(STANDARD)?, expected: None, rates };
    wide.command("tax/rates", set).await?;
    Ok(())
}

fn due_of(word: &str) -> Due {
    match word {
        "within" => Due::WithinSellerRegion,
        "across" => Due::AcrossRegions,
        _ => Due::Always,
    }
}

/// Two ways of delivery at home: one by weight that becomes free, one flat and quick.
async fn delivery(making: &Making<'_>) -> Result<RateId, DemoError> {
    let Making { shop, wide, currency, .. } = making;
    let country = parsed(Country::parse(shop.country))?;
    let area = Area { country, region: None, postal_prefixes: Vec::new() };
    let zone = ZoneDetails { name: parsed(Name::parse(shop.country_name))?, areas: vec![area] };
    let zone = wide.command("delivery/zone", shipping::Command::CreateZone { details: zone }).await?;
    let zone = ZoneId::from_bits(made(zone)?);
    let price = |pence| super::range::price_in(shop.currency, pence);
    let bands = [(Some(2_000), 495), (Some(10_000), 795), (None, 1_495)];
    let bands = bands.map(|(grams_max, pence)| WeightBand { grams_max, price: price(pence) });
    let standard = Tariff { charge: Charge::ByWeight(bands.to_vec()), free_from: Some(price(10_000)) };
    let quick = Tariff { charge: Charge::Flat(price(1_295)), free_from: None };
    let rates = [
        ("standard", ("Standard", "सामान्य"), "Demo Post", standard, (2, 4)),
        ("express", ("Express", "एक्सप्रेस"), "Demo Courier", quick, (1, 1)),
    ];
    let mut first = None;
    for (position, (step, name, carrier, tariff, (days_min, days_max))) in rates.into_iter().enumerate() {
        let details = RateDetails {
            name: making.text(name),
            carrier: parsed(Name::parse(carrier))?,
            tariffs: BTreeMap::from([(*currency, tariff)]),
            days_min,
            days_max,
            tax_category: code(STANDARD)?,
            position: position as u32,
        };
        let command = shipping::Command::CreateRate { zone, details };
        let rate = RateId::from_bits(made(wide.command(&format!("delivery/{step}"), command).await?)?);
        first.get_or_insert(rate);
    }
    first.ok_or_else(|| DemoError::Data("there is no way of delivery".into()))
}

/// The id of what a command made.
pub fn made(reply: gearify_commerce::Reply) -> Result<u128, DemoError> {
    reply.id.ok_or_else(|| DemoError::Data("a command that makes something named nothing".into()))
}
