//! Stories of quotes.

use super::quote::{Quote, QuoteRequest, Refusal, quote};
use super::*;
use crate::cart::{Cart, CartLine, CartStatus, Destination};
use crate::catalog::testing::{Range, code, product, sku, words};
use crate::catalog::{self, StockComponent, Variant, VariantDetails};
use crate::harness::Harness;
use crate::ids::{AddOnId, CartId, LineId, RateId, VariantId, ZoneId};
use crate::locale::{Country, Locale, RegionCode};
use crate::money::Currency;
use crate::orders::ComponentId;
use crate::shipping::{self, Area, Charge, RateDetails, Tariff, WeightBand, ZoneDetails};
use crate::tax::{self, Due, Elsewhere, Place, Rate, Rounding, ZoneRate};
use crate::tenants::{Settings, TimeZone};
use crate::text::Name;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn country(text: &str) -> Country {
    Country::parse(text).unwrap()
}

/// Britain (20 % included, books and children's clothes at zero), Australia (10 %), delivery to both.
struct Shop {
    harness: Harness,
    range: Range,
    settings: Settings,
    rate: RateId,
}

fn tax_zone(harness: &mut Harness, place: Place, rates: &[(&str, Due, &str, u32)]) {
    let places = vec![place];
    let zone = ZoneId::from_bits(harness.make(tax::Command::CreateZone { name: name("Zone"), places }));
    let mut by_category: BTreeMap<&str, Vec<ZoneRate>> = BTreeMap::new();
    for (category, due, word, rate_ppm) in rates {
        let rate = Rate { code: name(word), name: name(word), jurisdiction: name("XX"), rate_ppm: *rate_ppm };
        by_category.entry(category).or_default().push(ZoneRate { due: *due, rate });
    }
    for (category, rates) in by_category {
        harness.run(tax::Command::SetRates { zone, category: code(category), expected: None, rates });
    }
}

impl Shop {
    fn new(tax_included: bool) -> Shop {
        let mut harness = Harness::new();
        let range = Range::new(&mut harness);
        tax_zone(
            &mut harness,
            Place::country(country("GB")),
            &[("standard", Due::Always, "VAT", 200_000), ("zero", Due::Always, "VAT zero", 0)],
        );
        tax_zone(&mut harness, Place::country(country("AU")), &[("standard", Due::Always, "GST", 100_000)]);
        let details = PriceListDetails {
            code: code("gbp"),
            name: name("Pounds"),
            currency: Currency::GBP,
            countries: Vec::new(),
            customer_group: None,
            tax_included,
        };
        harness.run(Command::PutPriceList { expected: None, details });
        let everywhere =
            |text: &str| Area { country: country(text), region: None, postal_prefixes: Vec::new() };
        let areas = ["GB", "AU", "US", "IN"].map(everywhere).to_vec();
        let details = ZoneDetails { name: name("World"), areas };
        let zone = ZoneId::from_bits(harness.make(shipping::Command::CreateZone { details }));
        let bands = vec![
            WeightBand { grams_max: Some(2_000), price: 499 },
            WeightBand { grams_max: Some(100_000), price: 999 },
        ];
        let details = RateDetails {
            name: words("Standard"),
            carrier: name("Post"),
            tariffs: BTreeMap::from([(
                Currency::GBP,
                Tariff { charge: Charge::ByWeight(bands), free_from: Some(50_000) },
            )]),
            days_min: 2,
            days_max: 4,
            tax_category: code("standard"),
            position: 0,
        };
        let rate = RateId::from_bits(harness.make(shipping::Command::CreateRate { zone, details }));
        let zone = TimeZone::parse("Europe/London").unwrap();
        let settings = Settings::new(Currency::GBP, Locale::parse("en").unwrap(), country("GB"), zone);
        Shop { harness, range, settings, rate }
    }

    fn price(&mut self, variant: VariantId, min_quantity: u32, amount: i64, compare_at: Option<i64>) {
        let list = code("gbp");
        let price = Price { variant, list, min_quantity, amount, compare_at, starts: None, ends: None };
        self.harness.run(Command::SetPrices { prices: vec![price] });
    }

    /// A variant on sale at this price.
    fn sells(&mut self, text: &str, amount: i64) -> VariantId {
        let variant = self.range.variant(&mut self.harness, text);
        self.price(variant, 1, amount, None);
        variant
    }

    fn kit(&mut self, text: &str, parts: &[(VariantId, u32)], amount: i64) -> VariantId {
        let part = |(id, per_unit): &(VariantId, u32)| StockComponent {
            item: Variant::own_stock_item(*id),
            per_unit: *per_unit,
        };
        let components = parts.iter().map(part).collect();
        let details = VariantDetails { components, ..VariantDetails::new(sku(text)) };
        let made = catalog::Command::CreateProduct {
            details: product(&text.to_lowercase()),
            variants: vec![details],
            publish: true,
        };
        self.harness.run(made);
        let variant = catalog::variant_by_sku(&self.harness.view(), &sku(text)).unwrap().id;
        self.price(variant, 1, amount, None);
        variant
    }

    fn cart(&self, lines: &[(VariantId, u32, &[AddOnId])]) -> Cart {
        let line = |(n, (id, quantity, add_ons)): (usize, &(VariantId, u32, &[AddOnId]))| {
            let variant = catalog::variant(&self.harness.view(), *id).unwrap();
            CartLine {
                id: LineId::from_bits(n as u128 + 1),
                product: variant.product,
                variant: *id,
                sku: variant.details.sku.to_string(),
                quantity: *quantity,
                add_ons: add_ons.to_vec(),
                stock: Vec::new(),
            }
        };
        Cart {
            id: CartId::from_bits(1),
            revision: 1,
            status: CartStatus::Open,
            customer: None,
            country: country("GB"),
            currency: Currency::GBP,
            locale: Locale::parse("en").unwrap(),
            lines: lines.iter().enumerate().map(line).collect(),
            destination: None,
            contact: None,
            addresses: None,
            shipping_rate: None,
            hold: None,
            created_at: self.harness.at,
            updated_at: self.harness.at,
            expires_at: self.harness.at,
        }
    }

    fn to(&self, cart: Cart, text: &str) -> Cart {
        let region = text.get(3..).map(|_| RegionCode::parse(text).unwrap());
        let destination = Some(Destination { country: country(&text[..2]), region, postal_prefix: None });
        Cart { destination, shipping_rate: Some(self.rate), ..cart }
    }

    fn try_quote(&self, cart: &Cart) -> Result<Quote, Refusal> {
        let quote = quote(&self.harness.view(), &QuoteRequest::of_cart(cart, &self.settings))?;
        check_sums(&quote);
        Ok(quote)
    }

    fn quote(&self, cart: &Cart) -> Quote {
        self.try_quote(cart).unwrap()
    }
}

/// What must hold of every quote.
fn check_sums(quote: &Quote) {
    let totals = quote.totals;
    let added = if totals.tax_included { 0 } else { totals.tax };
    assert_eq!(totals.total, totals.subtotal - totals.discount + totals.shipping + added);
    let lines: i64 = quote.lines.iter().map(|line| line.total).sum();
    assert_eq!(totals.total, lines + quote.shipping.total);
    let taxes = quote.lines.iter().map(|line| (&line.tax_lines, line.tax, line.subtotal));
    for (tax_lines, tax, amount) in
        taxes.chain([(&quote.shipping.tax_lines, quote.shipping.tax, quote.shipping.price)])
    {
        assert_eq!(tax_lines.iter().map(|line| line.amount).sum::<i64>(), tax);
        let net = if totals.tax_included { amount - tax } else { amount };
        assert!(tax_lines.iter().all(|line| line.taxable <= net && line.included == totals.tax_included));
    }
    for line in &quote.lines {
        assert_eq!(line.subtotal, line.unit_price * i64::from(line.quantities.ordered));
        assert!(line.list_price >= line.unit_price);
        assert!(line.components.iter().map(|part| part.price).sum::<i64>() <= line.unit_price);
    }
}

#[test]
fn a_bat_with_work_done_on_it() {
    let mut shop = Shop::new(true);
    let bat = shop.sells("BAT", 24_000);
    shop.price(bat, 1, 24_000, Some(30_000));
    let knocking = shop.range.add_on(&mut shop.harness, 1_500);
    let cart = shop.to(shop.cart(&[(bat, 2, &[knocking])]), "GB");
    let quote = shop.quote(&cart);
    let line = &quote.lines[0];
    assert_eq!((line.unit_price, line.list_price, line.subtotal), (25_500, 31_500, 51_000));
    assert_eq!(line.components[0].id, ComponentId::AddOn(knocking));
    assert_eq!((line.components[0].lead_days, line.components[0].returnable), (2, false));
    assert_eq!(line.tax_lines.len(), 1, "bat and work are under one rate");
    assert_eq!((line.tax_lines[0].taxable, line.tax), (42_500, 8_500));
    assert_eq!((quote.shipping.price, quote.shipping.rate), (0, Some(shop.rate)), "free from 500.00");
    assert_eq!((quote.totals.total, quote.weight_grams, quote.estimated), (51_000, 2_400, false));
}

#[test]
fn before_a_destination_home_stands_in_and_the_quote_says_so() {
    let mut shop = Shop::new(true);
    let bat = shop.sells("BAT", 12_000);
    let quote = shop.quote(&shop.cart(&[(bat, 1, &[])]));
    assert!(quote.estimated && quote.options.is_empty());
    assert_eq!((quote.totals.tax, quote.totals.shipping, quote.totals.total), (2_000, 0, 12_000));
    let without_rate = Cart { shipping_rate: None, ..shop.to(shop.cart(&[(bat, 1, &[])]), "GB") };
    let quote = shop.quote(&without_rate);
    assert!(quote.estimated);
    assert_eq!(quote.options.iter().map(|option| option.price).collect::<Vec<_>>(), [499]);
}

#[test]
fn prices_without_tax_have_it_added() {
    let mut shop = Shop::new(false);
    let bat = shop.sells("BAT", 10_000);
    let quote = shop.quote(&shop.to(shop.cart(&[(bat, 1, &[])]), "GB"));
    assert_eq!((quote.totals.subtotal, quote.totals.tax, quote.totals.total), (10_000, 2_100, 12_599));
    assert_eq!(quote.lines[0].total, 12_000);
}

#[test]
fn an_inclusive_price_elsewhere_keeps_gross_or_net() {
    let mut shop = Shop::new(true);
    let bat = shop.sells("BAT", 12_000);
    let cart = shop.cart(&[(bat, 1, &[])]);
    let line = |shop: &Shop, to: &str| {
        let line = shop.quote(&shop.to(cart.clone(), to)).lines.remove(0);
        (line.unit_price, line.tax)
    };
    assert_eq!(line(&shop, "AU"), (12_000, 1_091));
    assert_eq!(line(&shop, "US"), (12_000, 0));
    shop.settings.tax.elsewhere = Elsewhere::KeepNet;
    assert_eq!(line(&shop, "GB"), (12_000, 2_000));
    assert_eq!(line(&shop, "AU"), (11_000, 1_000));
    assert_eq!(line(&shop, "US"), (10_000, 0));
}

#[test]
fn indian_goods_bear_one_tax_across_states_and_two_within() {
    let mut shop = Shop::new(true);
    shop.settings.home = Place { country: country("IN"), region: RegionCode::parse("IN-MH").ok() };
    let rates = [
        ("standard", Due::WithinSellerRegion, "CGST", 60_000),
        ("standard", Due::WithinSellerRegion, "SGST", 60_000),
        ("standard", Due::AcrossRegions, "IGST", 120_000),
    ];
    tax_zone(&mut shop.harness, Place::country(country("IN")), &rates);
    let bat = shop.sells("BAT", 11_200);
    let taxes = |to: &str| {
        let quote = shop.quote(&shop.to(shop.cart(&[(bat, 1, &[])]), to));
        let lines = quote.lines[0].tax_lines.iter();
        lines.map(|line| (line.code.clone(), line.amount)).collect::<Vec<_>>()
    };
    assert_eq!(taxes("IN-MH"), [("CGST".to_owned(), 600), ("SGST".to_owned(), 600)]);
    assert_eq!(taxes("IN-KA"), [("IGST".to_owned(), 1_200)]);
}

#[test]
fn a_kits_price_is_split_over_its_parts_and_each_is_taxed_as_what_it_is() {
    let mut shop = Shop::new(true);
    let bat = shop.sells("BAT", 9_000);
    let jersey = shop.sells("JERSEY", 3_000);
    let known = catalog::variant(&shop.harness.view(), jersey).unwrap();
    let details = VariantDetails { tax_category: Some(code("zero")), ..known.details };
    shop.harness.run(catalog::Command::UpdateVariant { variant: jersey, expected: None, details });
    let kit = shop.kit("KIT", &[(bat, 1), (jersey, 2)], 12_001);
    let quote = shop.quote(&shop.to(shop.cart(&[(kit, 1, &[])]), "GB"));
    let line = &quote.lines[0];
    let parts: Vec<_> = line.components.iter().map(|part| (part.price, part.per_unit)).collect();
    assert_eq!(parts, [(7_201, 1), (4_800, 2)]);
    assert_eq!((line.unit_price, line.tax), (12_001, 1_200), "only the bat bears tax");
    assert_eq!(line.tax_lines.len(), 2);
}

#[test]
fn what_is_not_sold_any_more_is_named_and_not_counted() {
    let mut shop = Shop::new(true);
    let bat = shop.sells("BAT", 12_000);
    let gone = shop.sells("GONE", 5_000);
    let unpriced = shop.range.variant(&mut shop.harness, "UNPRICED");
    let knocking = shop.range.add_on(&mut shop.harness, 1_500);
    let product = catalog::variant(&shop.harness.view(), gone).unwrap().product;
    let cart =
        shop.to(shop.cart(&[(bat, 1, &[]), (gone, 1, &[]), (unpriced, 1, &[]), (bat, 1, &[knocking])]), "GB");
    assert_eq!(shop.quote(&cart).unavailable, [LineId::from_bits(3)]);
    shop.harness.run(catalog::Command::UnpublishProduct { product, expected: None });
    shop.harness.run(catalog::Command::ArchiveAddOn { add_on: knocking, expected: None, archived: true });
    let quote = shop.quote(&cart);
    assert_eq!(quote.unavailable, [2, 3, 4].map(LineId::from_bits));
    assert_eq!(quote.totals.subtotal, 12_000);
}

#[test]
fn a_delivery_that_is_not_offered_is_refused() {
    let mut shop = Shop::new(true);
    let bat = shop.sells("BAT", 12_000);
    let cart = shop.cart(&[(bat, 1, &[])]);
    assert_eq!(shop.try_quote(&shop.to(cart.clone(), "FR")), Err(Refusal::NotDeliverable));
    let unchosen = Cart { shipping_rate: None, ..shop.to(cart.clone(), "FR") };
    assert!(shop.quote(&unchosen).options.is_empty());
    let other = Cart { shipping_rate: Some(RateId::from_bits(9)), ..shop.to(cart.clone(), "GB") };
    assert_eq!(shop.try_quote(&other), Err(Refusal::RateGone));
    let heavy = shop.to(shop.cart(&[(bat, 99, &[])]), "GB");
    assert_eq!(shop.try_quote(&heavy), Err(Refusal::RateGone), "too heavy for every band");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// [`check_sums`] holds whatever is in the cart.
    #[test]
    fn every_quote_adds_up(
        amounts in proptest::collection::vec(0..2_000_000i64, 1..6),
        quantities in proptest::collection::vec(1..40u32, 6),
        with_work in proptest::collection::vec(any::<bool>(), 6),
        included: bool, per_order: bool, keep_net: bool, with_kit: bool,
        to in proptest::sample::select(vec!["GB", "AU", "US"]),
    ) {
        let mut shop = Shop::new(included);
        shop.settings.tax.rounding = if per_order { Rounding::PerOrder } else { Rounding::PerLine };
        shop.settings.tax.elsewhere = if keep_net { Elsewhere::KeepNet } else { Elsewhere::KeepGross };
        let work = [shop.range.add_on(&mut shop.harness, 1_499)];
        let mut variants: Vec<VariantId> =
            amounts.iter().enumerate().map(|(n, amount)| shop.sells(&format!("V{n}"), *amount)).collect();
        if with_kit {
            variants.push(shop.kit("KIT", &[(variants[0], 3)], amounts[0]));
        }
        let line = |n: usize| (variants[n], quantities[n], if with_work[n] { &work[..] } else { &[] });
        let lines: Vec<_> = (0..variants.len()).map(line).collect();
        let cart = shop.to(shop.cart(&lines), to);
        let cart = Cart { shipping_rate: None, ..cart };
        let first = shop.quote(&cart);
        prop_assert_eq!(first.lines.len(), variants.len());
        prop_assert_eq!(&first, &shop.quote(&cart), "a quote is a pure function");
        if let Some(option) = first.options.first() {
            let quote = shop.quote(&Cart { shipping_rate: Some(option.rate), ..cart });
            prop_assert_eq!(quote.totals.shipping, option.price);
        }
    }
}
