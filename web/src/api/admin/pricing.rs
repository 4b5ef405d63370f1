//! Price lists and prices.

use super::definitions::path_code;
use super::merge::replaces;
use super::product_bodies::parse_moment;
use crate::api::body::text;
use crate::api::me::tagged;
use crate::extract::{Json, Path};
use crate::gate::Call;
use crate::problem::{Faults, Problem};
use crate::read::{list_view, moment};
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::catalog;
use gearify_commerce::code::Code;
use gearify_commerce::command::GroupKind;
use gearify_commerce::pricing::{self, Command, Price, PriceList, PriceListDetails};
use gearify_commerce::{Country, Currency, Name, VariantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: prices", Api, Shop;
        Get "/api/v1/admin/price-lists" list_price_lists: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(PriceListList), "Price lists";
        Put "/api/v1/admin/price-lists/{code}" put_price_list: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(PriceListBody), 200(PriceListView), "Makes or replaces a price list";
        Get "/api/v1/admin/variants/{id}/prices" list_prices: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(PricesView), "All prices of a variant";
        Put "/api/v1/admin/variants/{id}/prices" replace_prices: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(PricesBody), 200(PricesView), "Replaces all prices of a variant";
        Post "/api/v1/admin/prices" set_prices: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(SetPrices), 204(), "Sets prices of many variants: all or none";
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceListBody {
    pub name: String,
    pub currency: String,
    /// Empty: everywhere.
    #[serde(default)]
    pub countries: Vec<String>,
    pub customer_group: Option<String>,
    pub tax_included: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PriceListView {
    pub code: String,
    pub revision: u64,
    pub name: String,
    pub currency: String,
    pub countries: Vec<String>,
    pub customer_group: Option<String>,
    pub tax_included: bool,
    /// Its currency falls back to it.
    pub default: bool,
}
list_view!(PriceListList of PriceListView);

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceBody {
    /// Code of the price list.
    pub list: String,
    /// From this many pieces on.
    #[serde(default = "one")]
    pub min_quantity: u32,
    /// Minor units of the list's currency.
    pub amount: i64,
    pub compare_at: Option<i64>,
    pub starts: Option<String>,
    /// Exclusive.
    pub ends: Option<String>,
}

fn one() -> u32 {
    1
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PricesBody {
    pub prices: Vec<PriceBody>,
}

#[derive(Serialize, ToSchema)]
pub struct PricesView {
    pub variant_id: String,
    pub revision: u64,
    pub prices: Vec<PriceBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPrices {
    pub prices: Vec<VariantPrice>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantPrice {
    pub variant_id: String,
    pub price: PriceBody,
}

impl PriceBody {
    fn of(price: &Price) -> PriceBody {
        PriceBody {
            list: price.list.to_string(),
            min_quantity: price.min_quantity,
            amount: price.amount,
            compare_at: price.compare_at,
            starts: price.starts.map(moment),
            ends: price.ends.map(moment),
        }
    }

    pub fn parse(&self, at: &str, variant: VariantId, faults: &mut Faults) -> Option<Price> {
        let list = faults.take(format!("{at}/list"), Code::parse(&self.list));
        let starts = faults.optional(format!("{at}/starts"), text(&self.starts), parse_moment);
        let ends = faults.optional(format!("{at}/ends"), text(&self.ends), parse_moment);
        let PriceBody { min_quantity, amount, compare_at, .. } = *self;
        Some(Price { variant, list: list?, min_quantity, amount, compare_at, starts, ends })
    }
}

fn list_view_of(list: &PriceList) -> PriceListView {
    let PriceListDetails { code, name, currency, countries, customer_group, tax_included } = &list.details;
    PriceListView {
        code: code.to_string(),
        revision: list.revision,
        name: name.to_string(),
        currency: currency.to_string(),
        countries: countries.iter().map(|country| country.to_string()).collect(),
        customer_group: customer_group.as_ref().map(|group| group.to_string()),
        tax_included: *tax_included,
        default: list.details.is_default(),
    }
}

async fn list_price_lists(call: Call) -> Json<PriceListList> {
    let all = call.read(GroupKind::Catalogue, |view| pricing::lists(view));
    Json(PriceListList::whole(all.iter().map(list_view_of).collect()))
}

async fn put_price_list(
    call: Call,
    Path(code): Path<String>,
    Json(body): Json<PriceListBody>,
) -> Result<Response, Problem> {
    let code = path_code(&code)?;
    let before = call.read(GroupKind::Catalogue, |view| pricing::list(view, &code));
    let mut faults = Faults::new();
    let name = faults.take("/name", Name::parse(&body.name));
    let currency = faults.take("/currency", Currency::parse(&body.currency));
    let countries = super::product_bodies::all(&mut faults, "/countries", &body.countries, Country::parse);
    let customer_group = faults.optional("/customer_group", text(&body.customer_group), Code::parse);
    let (name, currency) = faults.finish(name.zip(currency))?;
    let expected = replaces(&call, before.map_or(0, |before| before.revision))?;
    let tax_included = body.tax_included;
    let details =
        PriceListDetails { code: code.clone(), name, currency, countries, customer_group, tax_included };
    call.submit(Command::PutPriceList { expected, details }).await?;
    let after = call.read(GroupKind::Catalogue, |view| pricing::list(view, &code));
    let after = after.ok_or_else(|| Problem::not_found("price list"))?;
    Ok(tagged(after.revision, Json(list_view_of(&after))))
}

fn show(call: &Call, id: VariantId) -> Result<Response, Problem> {
    let found = call.read(GroupKind::Catalogue, |view| {
        catalog::variant(view, id)?;
        Some((pricing::revision_of(view, id), pricing::prices_of(view, id)))
    });
    let (revision, prices) = found.ok_or_else(|| Problem::not_found("variant"))?;
    let prices = prices.iter().map(PriceBody::of).collect();
    Ok(tagged(revision, Json(PricesView { variant_id: id.to_string(), revision, prices })))
}

async fn list_prices(call: Call, Path(id): Path<VariantId>) -> Result<Response, Problem> {
    show(&call, id)
}

async fn replace_prices(
    call: Call,
    Path(id): Path<VariantId>,
    Json(body): Json<PricesBody>,
) -> Result<Response, Problem> {
    let found = call.read(GroupKind::Catalogue, |view| {
        catalog::variant(view, id).map(|_| pricing::revision_of(view, id))
    });
    let stands = found.ok_or_else(|| Problem::not_found("variant"))?;
    let mut faults = Faults::new();
    let prices = body.prices.iter().enumerate();
    let prices: Vec<Price> =
        prices.filter_map(|(n, price)| price.parse(&format!("/prices/{n}"), id, &mut faults)).collect();
    faults.check()?;
    let expected = replaces(&call, stands)?;
    call.submit(Command::ReplacePrices { variant: id, expected, prices }).await?;
    show(&call, id)
}

async fn set_prices(call: Call, Json(body): Json<SetPrices>) -> Result<http::StatusCode, Problem> {
    let mut faults = Faults::new();
    let mut prices = Vec::new();
    for (n, entry) in body.prices.iter().enumerate() {
        let variant = faults.take(format!("/prices/{n}/variant_id"), VariantId::parse(&entry.variant_id));
        let Some(variant) = variant else { continue };
        prices.extend(entry.price.parse(&format!("/prices/{n}/price"), variant, &mut faults));
    }
    faults.check()?;
    call.submit(Command::SetPrices { prices }).await?;
    Ok(http::StatusCode::NO_CONTENT)
}
