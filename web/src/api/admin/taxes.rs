//! Tax categories, zones and rates.

use super::definitions::path_code;
use super::merge::{base, patched, replaces};
use super::products::made;
use crate::api::body::text;
use crate::api::me::tagged;
use crate::extract::{Json, Path};
use crate::gate::Call;
use crate::problem::{Faults, Problem};
use crate::read::list_view;
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::tax::{self, Command, Due, Place, Rate, TaxCategory, TaxZone, ZoneRate, ZoneRates};
use gearify_commerce::{Country, Name, ReadScope, RegionCode, ZoneId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: taxes", Api, Shop;
        Get "/api/v1/admin/taxes/categories" list_tax_categories: Staff(SettingsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(TaxCategoryList), "Tax categories, built-in ones too";
        Put "/api/v1/admin/taxes/categories/{code}" put_tax_category: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(TaxCategoryBody), 200(TaxCategoryView), "Makes or renames a tax category";
        Get "/api/v1/admin/taxes/zones" list_tax_zones: Staff(SettingsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(TaxZoneList), "Tax zones with their rates";
        Post "/api/v1/admin/taxes/zones" create_tax_zone: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(TaxZoneBody), 201(TaxZoneView), "Makes a tax zone";
        Patch "/api/v1/admin/taxes/zones/{id}" change_tax_zone: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(TaxZoneBody), 200(TaxZoneView), "Changes a tax zone by merge patch";
        Delete "/api/v1/admin/taxes/zones/{id}" remove_tax_zone: Staff(SettingsWrite), MERCHANT, Write, None, Accepted, Origin,
            query(), request(), 204(), "Takes a tax zone and its rates away";
        Put "/api/v1/admin/taxes/zones/{id}/rates/{code}" set_tax_rates: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(TaxRatesBody), 200(TaxZoneView), "All taxes on a category in a zone";
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxCategoryBody {
    pub name: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TaxCategoryView {
    pub code: String,
    /// 0: built in.
    pub revision: u64,
    pub name: String,
}
list_view!(TaxCategoryList of TaxCategoryView);

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxZoneBody {
    pub name: String,
    pub places: Vec<TaxPlaceBody>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxPlaceBody {
    pub country: String,
    /// ISO 3166-2.
    pub region_code: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TaxZoneView {
    pub id: String,
    pub revision: u64,
    pub zone: TaxZoneBody,
    pub rates: Vec<CategoryRates>,
}
list_view!(TaxZoneList of TaxZoneView);

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CategoryRates {
    pub category: String,
    pub revision: u64,
    pub rates: Vec<TaxRateBody>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxRateBody {
    /// `VAT`, `CGST`.
    pub code: String,
    pub name: String,
    /// Who levies it: `GB`, `IN-MH`.
    pub jurisdiction: String,
    /// Parts per million: 200000 is 20 %.
    pub rate_ppm: u32,
    /// `always`, `within_seller_region` or `across_regions`.
    #[serde(default = "always")]
    pub due: String,
}

fn always() -> String {
    "always".into()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxRatesBody {
    /// Empty: no tax.
    pub rates: Vec<TaxRateBody>,
}

impl TaxZoneBody {
    fn of(zone: &TaxZone) -> TaxZoneBody {
        let place = |place: &Place| TaxPlaceBody {
            country: place.country.to_string(),
            region_code: place.region.as_ref().map(|region| region.to_string()),
        };
        TaxZoneBody { name: zone.name.to_string(), places: zone.places.iter().map(place).collect() }
    }

    fn parse(&self) -> Result<(Name, Vec<Place>), Problem> {
        let mut faults = Faults::new();
        let name = faults.take("/name", Name::parse(&self.name));
        let mut places = Vec::new();
        for (n, place) in self.places.iter().enumerate() {
            let region = faults.optional(
                format!("/places/{n}/region_code"),
                text(&place.region_code),
                RegionCode::parse,
            );
            if let Some(country) = faults.take(format!("/places/{n}/country"), Country::parse(&place.country))
            {
                places.push(Place { country, region });
            }
        }
        let name = faults.finish(name)?;
        Ok((name, places))
    }
}

impl TaxRateBody {
    fn of(rate: &ZoneRate) -> TaxRateBody {
        let Rate { code, name, jurisdiction, rate_ppm } = &rate.rate;
        TaxRateBody {
            code: code.to_string(),
            name: name.to_string(),
            jurisdiction: jurisdiction.to_string(),
            rate_ppm: *rate_ppm,
            due: match rate.due {
                Due::Always => "always",
                Due::WithinSellerRegion => "within_seller_region",
                Due::AcrossRegions => "across_regions",
            }
            .into(),
        }
    }

    fn parse(&self, at: &str, faults: &mut Faults) -> Option<ZoneRate> {
        let code = faults.take(format!("{at}/code"), Name::parse(&self.code));
        let name = faults.take(format!("{at}/name"), Name::parse(&self.name));
        let jurisdiction = faults.take(format!("{at}/jurisdiction"), Name::parse(&self.jurisdiction));
        let due = match self.due.as_str() {
            "always" => Some(Due::Always),
            "within_seller_region" => Some(Due::WithinSellerRegion),
            "across_regions" => Some(Due::AcrossRegions),
            _ => {
                faults.add(format!("{at}/due"), "must be always, within_seller_region or across_regions");
                None
            }
        };
        let rate = Rate { code: code?, name: name?, jurisdiction: jurisdiction?, rate_ppm: self.rate_ppm };
        Some(ZoneRate { due: due?, rate })
    }
}

fn category_view(category: &TaxCategory) -> TaxCategoryView {
    TaxCategoryView {
        code: category.code.to_string(),
        revision: category.revision,
        name: category.name.to_string(),
    }
}

fn zone_view(view: &ReadScope<'_>, zone: &TaxZone) -> TaxZoneView {
    let rates = tax::categories(view).into_iter().filter_map(|category| {
        let ZoneRates { revision, rates } = tax::zone_rates(view, zone.id, &category.code)?;
        let rates = rates.iter().map(TaxRateBody::of).collect();
        Some(CategoryRates { category: category.code.to_string(), revision, rates })
    });
    TaxZoneView {
        id: zone.id.to_string(),
        revision: zone.revision,
        zone: TaxZoneBody::of(zone),
        rates: rates.collect(),
    }
}

async fn list_tax_categories(call: Call) -> Json<TaxCategoryList> {
    let all = call.read(GroupKind::Catalogue, |view| tax::categories(view));
    Json(TaxCategoryList::whole(all.iter().map(category_view).collect()))
}

async fn put_tax_category(
    call: Call,
    Path(code): Path<String>,
    Json(body): Json<TaxCategoryBody>,
) -> Result<Response, Problem> {
    let code = path_code(&code)?;
    let before = call.read(GroupKind::Catalogue, |view| tax::category(view, &code));
    let mut faults = Faults::new();
    let name = faults.take("/name", Name::parse(&body.name));
    let name = faults.finish(name)?;
    let expected = replaces(&call, before.map_or(0, |before| before.revision))?;
    call.submit(Command::PutCategory { expected, code: code.clone(), name }).await?;
    let after = call.read(GroupKind::Catalogue, |view| tax::category(view, &code));
    let after = after.ok_or_else(|| Problem::not_found("tax category"))?;
    Ok(tagged(after.revision, Json(category_view(&after))))
}

async fn list_tax_zones(call: Call) -> Json<TaxZoneList> {
    let all = call.read(GroupKind::Catalogue, |view| {
        tax::zones(view).iter().map(|zone| zone_view(view, zone)).collect()
    });
    Json(TaxZoneList::whole(all))
}

fn zone(call: &Call, id: ZoneId) -> Result<TaxZone, Problem> {
    call.read(GroupKind::Catalogue, |view| tax::zone(view, id)).ok_or_else(|| Problem::not_found("tax zone"))
}

fn show(call: &Call, id: ZoneId, status: StatusCode) -> Result<Response, Problem> {
    let zone = zone(call, id)?;
    let view = call.read(GroupKind::Catalogue, |view| zone_view(view, &zone));
    Ok(tagged(zone.revision, (status, Json(view))))
}

async fn create_tax_zone(call: Call, Json(body): Json<TaxZoneBody>) -> Result<Response, Problem> {
    let (name, places) = body.parse()?;
    let reply = call.submit(Command::CreateZone { name, places }).await?;
    show(&call, made(&reply, ZoneId::from_bits)?, StatusCode::CREATED)
}

async fn change_tax_zone(
    call: Call,
    Path(id): Path<ZoneId>,
    Json(patch): Json<Value>,
) -> Result<Response, Problem> {
    let before = zone(&call, id)?;
    let body = patched(&TaxZoneBody::of(&before), patch)?;
    let expected = base(&call, before.revision)?;
    let (name, places) = body.parse()?;
    call.submit(Command::UpdateZone { zone: id, expected, name, places }).await?;
    show(&call, id, StatusCode::OK)
}

async fn remove_tax_zone(call: Call, Path(id): Path<ZoneId>) -> Result<StatusCode, Problem> {
    zone(&call, id)?;
    call.submit(Command::RemoveZone { zone: id, expected: call.if_match() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_tax_rates(
    call: Call,
    Path((id, code)): Path<(ZoneId, String)>,
    Json(body): Json<TaxRatesBody>,
) -> Result<Response, Problem> {
    let category = path_code(&code)?;
    zone(&call, id)?;
    let before = call.read(GroupKind::Catalogue, |view| tax::zone_rates(view, id, &category));
    let mut faults = Faults::new();
    let rates = body.rates.iter().enumerate();
    let rates: Vec<ZoneRate> =
        rates.filter_map(|(n, rate)| rate.parse(&format!("/rates/{n}"), &mut faults)).collect();
    faults.check()?;
    let expected = replaces(&call, before.map_or(0, |before| before.revision))?;
    call.submit(Command::SetRates { zone: id, category, expected, rates }).await?;
    show(&call, id, StatusCode::OK)
}
