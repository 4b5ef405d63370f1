//! Delivery zones and rates.

use super::merge::{base, patched};
use super::products::{made, own_locale};
use super::texts::Words;
use crate::api::body::text;
use crate::api::me::tagged;
use crate::extract::{Json, Path};
use crate::gate::Call;
use crate::problem::{Faults, Problem};
use crate::read::list_view;
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::code::Code;
use gearify_commerce::command::GroupKind;
use gearify_commerce::pricing::AMOUNT_MAX;
use gearify_commerce::shipping::{
    self, Area, Charge, Command, Rate, RateDetails, Tariff, WeightBand, WorthBand, Zone, ZoneDetails,
};
use gearify_commerce::{Country, Currency, Name, RateId, RegionCode, ZoneId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: delivery", Api, Shop;
        Get "/api/v1/admin/shipping/zones" list_zones: Staff(SettingsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(ZoneList), "Delivery zones with their rates";
        Post "/api/v1/admin/shipping/zones" create_zone: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(ZoneBody), 201(ZoneView), "Makes a zone";
        Get "/api/v1/admin/shipping/zones/{id}" get_zone: Staff(SettingsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(ZoneView), "One zone with its rates";
        Patch "/api/v1/admin/shipping/zones/{id}" change_zone: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(ZoneBody), 200(ZoneView), "Changes a zone by merge patch";
        Delete "/api/v1/admin/shipping/zones/{id}" remove_zone: Staff(SettingsWrite), MERCHANT, Write, None, Accepted, Origin,
            query(), request(), 204(), "Takes a zone and its rates away";
        Post "/api/v1/admin/shipping/zones/{id}/rates" create_rate: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(RateBody), 201(RateView), "Adds a rate to a zone";
        Patch "/api/v1/admin/shipping/rates/{id}" change_rate: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(RateBody), 200(RateView), "Changes a rate by merge patch";
        Delete "/api/v1/admin/shipping/rates/{id}" archive_rate: Staff(SettingsWrite), MERCHANT, Write, None, Accepted, Origin,
            query(), request(), 204(), "Offers a rate no longer; orders go on naming it";
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneBody {
    pub name: String,
    pub areas: Vec<AreaBody>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaBody {
    pub country: String,
    /// ISO 3166-2.
    pub region_code: Option<String>,
    /// Empty: all of it.
    #[serde(default)]
    pub postal_prefixes: Vec<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ZoneView {
    pub id: String,
    pub revision: u64,
    pub zone: ZoneBody,
    pub rates: Vec<RateView>,
}
list_view!(ZoneList of ZoneView);

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateBody {
    pub name: Words,
    pub carrier: String,
    /// By currency.
    pub tariffs: BTreeMap<String, TariffBody>,
    /// Whole days from dispatch.
    pub days_min: u16,
    pub days_max: u16,
    #[serde(default = "standard")]
    pub tax_category: String,
    #[serde(default)]
    pub position: u32,
}

fn standard() -> String {
    "standard".into()
}

/// One of `flat`, `by_weight` and `by_worth`, in minor units.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TariffBody {
    pub flat: Option<i64>,
    pub by_weight: Option<Vec<WeightBandBody>>,
    pub by_worth: Option<Vec<WorthBandBody>>,
    /// Goods of this worth and more are delivered for nothing.
    pub free_from: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightBandBody {
    /// Inclusive; absent in the last band: however heavy.
    pub grams_max: Option<u32>,
    pub price: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorthBandBody {
    pub worth_min: i64,
    pub price: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RateView {
    pub id: String,
    pub zone_id: String,
    pub revision: u64,
    pub archived: bool,
    pub rate: RateBody,
}

impl ZoneBody {
    fn of(details: &ZoneDetails) -> ZoneBody {
        let area = |area: &Area| AreaBody {
            country: area.country.to_string(),
            region_code: area.region.as_ref().map(|region| region.to_string()),
            postal_prefixes: area.postal_prefixes.clone(),
        };
        ZoneBody { name: details.name.to_string(), areas: details.areas.iter().map(area).collect() }
    }

    fn parse(&self) -> Result<ZoneDetails, Problem> {
        let mut faults = Faults::new();
        let name = faults.take("/name", Name::parse(&self.name));
        let mut areas = Vec::new();
        for (n, area) in self.areas.iter().enumerate() {
            let region = faults.optional(
                format!("/areas/{n}/region_code"),
                text(&area.region_code),
                RegionCode::parse,
            );
            if let Some(country) = faults.take(format!("/areas/{n}/country"), Country::parse(&area.country)) {
                let prefixes =
                    area.postal_prefixes.iter().map(|prefix| prefix.trim().to_uppercase().replace(' ', ""));
                areas.push(Area { country, region, postal_prefixes: prefixes.collect() });
            }
        }
        let name = faults.finish(name)?;
        Ok(ZoneDetails { name, areas })
    }
}

impl TariffBody {
    fn of(tariff: &Tariff) -> TariffBody {
        let mut body =
            TariffBody { flat: None, by_weight: None, by_worth: None, free_from: tariff.free_from };
        match &tariff.charge {
            Charge::Flat(price) => body.flat = Some(*price),
            Charge::ByWeight(bands) => {
                let band =
                    |band: &WeightBand| WeightBandBody { grams_max: band.grams_max, price: band.price };
                body.by_weight = Some(bands.iter().map(band).collect());
            }
            Charge::ByWorth(bands) => {
                let band = |band: &WorthBand| WorthBandBody { worth_min: band.worth_min, price: band.price };
                body.by_worth = Some(bands.iter().map(band).collect());
            }
        }
        body
    }

    fn parse(&self, at: &str, faults: &mut Faults) -> Option<Tariff> {
        let charge = match (self.flat, &self.by_weight, &self.by_worth) {
            (Some(price), None, None) => Charge::Flat(price),
            (None, Some(bands), None) => Charge::ByWeight(
                bands
                    .iter()
                    .map(|band| WeightBand { grams_max: band.grams_max, price: band.price })
                    .collect(),
            ),
            (None, None, Some(bands)) => Charge::ByWorth(
                bands.iter().map(|band| WorthBand { worth_min: band.worth_min, price: band.price }).collect(),
            ),
            _ => {
                faults.add(at, "needs exactly one of flat, by_weight and by_worth");
                return None;
            }
        };
        for (n, band) in self.by_worth.iter().flatten().enumerate() {
            if !(0..=AMOUNT_MAX).contains(&band.worth_min) {
                faults.add(format!("{at}/by_worth/{n}/worth_min"), format!("must be 0 to {AMOUNT_MAX}"));
            }
        }
        Some(Tariff { charge, free_from: self.free_from })
    }
}

impl RateBody {
    fn of(details: &RateDetails) -> RateBody {
        let tariffs = details.tariffs.iter();
        RateBody {
            name: Words::of(&details.name),
            carrier: details.carrier.to_string(),
            tariffs: tariffs
                .map(|(currency, tariff)| (currency.to_string(), TariffBody::of(tariff)))
                .collect(),
            days_min: details.days_min,
            days_max: details.days_max,
            tax_category: details.tax_category.to_string(),
            position: details.position,
        }
    }

    fn parse(&self, call: &Call) -> Result<RateDetails, Problem> {
        let mut faults = Faults::new();
        let name = self.name.parse("/name", &own_locale(call)?, &mut faults);
        let carrier = faults.take("/carrier", Name::parse(&self.carrier));
        let tax_category = faults.take("/tax_category", Code::parse(&self.tax_category));
        let mut tariffs = BTreeMap::new();
        for (currency, tariff) in &self.tariffs {
            let at = format!("/tariffs/{currency}");
            let pair = (faults.take(at.clone(), Currency::parse(currency)), tariff.parse(&at, &mut faults));
            if let (Some(currency), Some(tariff)) = pair {
                tariffs.insert(currency, tariff);
            }
        }
        let (carrier, tax_category) = faults.finish(carrier.zip(tax_category))?;
        let RateBody { days_min, days_max, position, .. } = *self;
        Ok(RateDetails { name, carrier, tariffs, days_min, days_max, tax_category, position })
    }
}

fn rate_view(rate: &Rate) -> RateView {
    RateView {
        id: rate.id.to_string(),
        zone_id: rate.zone.to_string(),
        revision: rate.revision,
        archived: rate.archived,
        rate: RateBody::of(&rate.details),
    }
}

fn zone_view(zone: &Zone, rates: &[Rate]) -> ZoneView {
    ZoneView {
        id: zone.id.to_string(),
        revision: zone.revision,
        zone: ZoneBody::of(&zone.details),
        rates: rates.iter().map(rate_view).collect(),
    }
}

fn zone(call: &Call, id: ZoneId) -> Result<Zone, Problem> {
    let found = call.read(GroupKind::Catalogue, |view| shipping::zone(view, id));
    found.ok_or_else(|| Problem::not_found("delivery zone"))
}

fn rate(call: &Call, id: RateId) -> Result<Rate, Problem> {
    let found = call.read(GroupKind::Catalogue, |view| shipping::rate(view, id));
    found.ok_or_else(|| Problem::not_found("delivery rate"))
}

fn show_zone(call: &Call, id: ZoneId, status: StatusCode) -> Result<Response, Problem> {
    let zone = zone(call, id)?;
    let rates = call.read(GroupKind::Catalogue, |view| shipping::rates_of(view, id));
    Ok(tagged(zone.revision, (status, Json(zone_view(&zone, &rates)))))
}

fn show_rate(call: &Call, id: RateId, status: StatusCode) -> Result<Response, Problem> {
    let rate = rate(call, id)?;
    Ok(tagged(rate.revision, (status, Json(rate_view(&rate)))))
}

async fn list_zones(call: Call) -> Json<ZoneList> {
    let all = call.read(GroupKind::Catalogue, |view| {
        let zones = shipping::zones(view).into_iter();
        zones.map(|zone| zone_view(&zone, &shipping::rates_of(view, zone.id))).collect()
    });
    Json(ZoneList::whole(all))
}

async fn create_zone(call: Call, Json(body): Json<ZoneBody>) -> Result<Response, Problem> {
    let reply = call.submit(Command::CreateZone { details: body.parse()? }).await?;
    show_zone(&call, made(&reply, ZoneId::from_bits)?, StatusCode::CREATED)
}

async fn get_zone(call: Call, Path(id): Path<ZoneId>) -> Result<Response, Problem> {
    show_zone(&call, id, StatusCode::OK)
}

async fn change_zone(
    call: Call,
    Path(id): Path<ZoneId>,
    Json(patch): Json<Value>,
) -> Result<Response, Problem> {
    let before = zone(&call, id)?;
    let body = patched(&ZoneBody::of(&before.details), patch)?;
    let expected = base(&call, before.revision)?;
    call.submit(Command::UpdateZone { zone: id, expected, details: body.parse()? }).await?;
    show_zone(&call, id, StatusCode::OK)
}

async fn remove_zone(call: Call, Path(id): Path<ZoneId>) -> Result<StatusCode, Problem> {
    zone(&call, id)?;
    call.submit(Command::RemoveZone { zone: id, expected: call.if_match() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn create_rate(
    call: Call,
    Path(id): Path<ZoneId>,
    Json(body): Json<RateBody>,
) -> Result<Response, Problem> {
    zone(&call, id)?;
    let details = body.parse(&call)?;
    let reply = call.submit(Command::CreateRate { zone: id, details }).await?;
    show_rate(&call, made(&reply, RateId::from_bits)?, StatusCode::CREATED)
}

async fn change_rate(
    call: Call,
    Path(id): Path<RateId>,
    Json(patch): Json<Value>,
) -> Result<Response, Problem> {
    let before = rate(&call, id)?;
    let body = patched(&RateBody::of(&before.details), patch)?;
    let expected = base(&call, before.revision)?;
    let details = body.parse(&call)?;
    call.submit(Command::UpdateRate { rate: id, expected, details }).await?;
    show_rate(&call, id, StatusCode::OK)
}

async fn archive_rate(call: Call, Path(id): Path<RateId>) -> Result<StatusCode, Problem> {
    rate(&call, id)?;
    call.submit(Command::ArchiveRate { rate: id, expected: call.if_match(), archived: true }).await?;
    Ok(StatusCode::NO_CONTENT)
}
