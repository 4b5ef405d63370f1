//! What a customer may ask about their own data: a copy of it, what they agreed to, what they prefer, and
//! to be forgotten.

use super::admin::base;
use super::me::{SavedAddressView, address_book, me, profile, tagged};
use super::orders::show_order;
use crate::extract::{Json, Patch, Path};
use crate::gate::{Call, unauthorized};
use crate::problem::{Faults, Problem};
use crate::read::orders::OrderView;
use crate::read::{list_view, moment};
use crate::routes::{Route, routes};
use axum::response::{IntoResponse, Response};
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{
    CONSENTS, CUSTOMERS, Command as Customers, Customer, PREFERENCES, PURPOSES, Preferences, Profile, Wishes,
};
use gearify_commerce::orders::{ORDERS, ORDERS_BY_CUSTOMER, Order, OrderRef};
use gearify_commerce::sealed::PERSON_KEYS;
use gearify_commerce::time::DAY_MS;
use gearify_commerce::{Country, Currency, CustomerId};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Account", Api, Shop;
        Delete "/api/v1/me" erase_me: Customer, ACCOUNT, Write, None, Accepted, Origin,
            query(), request(), 200(ErasureView), "Forgets the customer; orders that were paid keep what the law demands";
        Get "/api/v1/me/export" export_me: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(ExportView), "A copy of everything kept about the customer";
        Get "/api/v1/me/consents" list_consents: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(ConsentList), "What the customer agreed to, and what not";
        Put "/api/v1/me/consents/{purpose}" set_consent: Customer, ACCOUNT, Write, Json, Accepted, Origin,
            query(), request(ConsentBody), 200(ConsentView), "Gives or takes back an agreement";
        Get "/api/v1/me/preferences" get_preferences: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(PreferencesView), "Where and in what the customer wants to shop";
        Patch "/api/v1/me/preferences" change_preferences: Customer, ACCOUNT, Write, Json, Accepted, Origin,
            query(), request(ChangePreferences), 200(PreferencesView), "Changes preferences by merge patch";
    }
}

/// Archives are kept this long; after that the last copy of the key is gone.
const ARCHIVES_KEPT_MS: i64 = 35 * DAY_MS;
/// Orders in one copy, the newest; more than anybody has.
const ORDERS_MAX: usize = 1_000;

#[derive(Serialize, ToSchema)]
pub struct ErasureView {
    pub erased_at: String,
    /// By then the last archive that could be read is gone too.
    pub complete_by: String,
    /// Paid orders, which keep name and address as long as bookkeeping law demands.
    pub orders_kept: u32,
}

#[derive(Serialize, ToSchema)]
pub struct ExportView {
    pub exported_at: String,
    pub profile: ExportedProfile,
    pub preferences: PreferencesView,
    pub consents: Vec<ConsentView>,
    pub addresses: Vec<SavedAddressView>,
    /// The newest 1,000.
    pub orders: Vec<OrderView>,
}

#[derive(Serialize, ToSchema)]
pub struct ExportedProfile {
    pub id: String,
    pub email: String,
    pub email_verified: bool,
    pub name: String,
    pub phone: Option<String>,
    pub locale: String,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConsentView {
    /// `marketing`.
    pub purpose: &'static str,
    pub granted: bool,
    /// Where it was said: `registration`, `checkout`, `account`.
    pub source: Option<String>,
    pub wording_version: Option<String>,
    pub at: Option<String>,
}
list_view!(ConsentList of ConsentView);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentBody {
    pub granted: bool,
    /// Which words were shown.
    pub wording_version: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PreferencesView {
    pub revision: u64,
    /// ISO 3166-1. New carts begin there unless the request says otherwise.
    pub country: Option<String>,
    /// ISO 4217, one the shop sells in.
    pub currency: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePreferences {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub country: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub currency: Patch<String>,
}

fn customer(call: &Call, id: CustomerId) -> Result<Customer, Problem> {
    call.read(GroupKind::Region, |view| CUSTOMERS.get(view, &id)).ok_or_else(unauthorized)
}

/// The customer's orders, the newest first.
fn orders(call: &Call, id: CustomerId) -> Vec<Order> {
    call.read(GroupKind::Region, |view| {
        let refs = view.list_back_within(&ORDERS_BY_CUSTOMER, &id, ORDERS_MAX);
        refs.into_iter().filter_map(|OrderRef(order)| ORDERS.get(view, &order)).collect()
    })
}

async fn erase_me(call: Call) -> Result<Json<ErasureView>, Problem> {
    let id = me(&call)?;
    base(&call, customer(&call, id)?.revision)?;
    let before = orders(&call, id);
    call.submit(Customers::Erase { customer: id }).await?;
    let kept = call.read(GroupKind::Region, |view| {
        before.iter().filter(|order| PERSON_KEYS.contains(view, &order.contact.sealed.person())).count()
    });
    let erased_at = call.now();
    Ok(Json(ErasureView {
        erased_at: moment(erased_at),
        complete_by: moment(erased_at.plus_millis(ARCHIVES_KEPT_MS)),
        orders_kept: u32::try_from(kept).unwrap_or(u32::MAX),
    }))
}

async fn export_me(call: Call) -> Result<Response, Problem> {
    let id = me(&call)?;
    let known = customer(&call, id)?;
    let Profile { email, name, phone } = profile(&call, &known)?;
    let profile = ExportedProfile {
        id: id.to_string(),
        email,
        email_verified: known.email_verified,
        name,
        phone,
        locale: known.locale.to_string(),
        created_at: moment(known.created_at),
        updated_at: moment(known.updated_at),
    };
    let export = ExportView {
        exported_at: moment(call.now()),
        profile,
        preferences: view_preferences(&preferences(&call, id)),
        consents: consents(&call, id),
        addresses: address_book(&call, id),
        orders: orders(&call, id).iter().map(|order| show_order(&call, order)).collect(),
    };
    let mut response = Json(export).into_response();
    let name = HeaderValue::from_static("attachment; filename=\"my-data.json\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

fn consents(call: &Call, id: CustomerId) -> Vec<ConsentView> {
    PURPOSES.iter().map(|purpose| consent(call, id, purpose)).collect()
}

fn consent(call: &Call, id: CustomerId, purpose: &'static str) -> ConsentView {
    let said = call.read(GroupKind::Region, |view| CONSENTS.get(view, &(id, purpose.to_owned())));
    match said {
        Some(said) => ConsentView {
            purpose,
            granted: said.granted,
            source: Some(said.source),
            wording_version: Some(said.wording_version),
            at: Some(moment(said.at)),
        },
        None => ConsentView { purpose, granted: false, source: None, wording_version: None, at: None },
    }
}

async fn list_consents(call: Call) -> Result<Json<ConsentList>, Problem> {
    let id = me(&call)?;
    Ok(Json(ConsentList::whole(consents(&call, id))))
}

async fn set_consent(
    call: Call,
    Path(purpose): Path<String>,
    Json(body): Json<ConsentBody>,
) -> Result<Json<ConsentView>, Problem> {
    let customer = me(&call)?;
    let purpose = PURPOSES.iter().find(|known| **known == purpose);
    let purpose = *purpose.ok_or_else(|| Problem::not_found("purpose"))?;
    let mut faults = Faults::new();
    let wording = faults.take("/wording_version", super::body::line(&body.wording_version));
    let wording_version = faults.finish(wording)?;
    if wording_version.chars().count() > WORDING_CHARS_MAX {
        let detail = format!("must have at most {WORDING_CHARS_MAX} characters");
        return Err(Problem::invalid("/wording_version", detail));
    }
    let command = Customers::SetConsent {
        customer,
        purpose: purpose.to_owned(),
        granted: body.granted,
        source: "account".to_owned(),
        wording_version,
    };
    call.submit(command).await?;
    Ok(Json(consent(&call, customer, purpose)))
}

const WORDING_CHARS_MAX: usize = 64;

/// What the customer prefers; nothing if they never said.
pub fn preferences(call: &Call, customer: CustomerId) -> Preferences {
    call.read(GroupKind::Region, |view| PREFERENCES.get(view, &customer)).unwrap_or_default()
}

fn view_preferences(preferences: &Preferences) -> PreferencesView {
    let Wishes { country, currency } = &preferences.wishes;
    PreferencesView {
        revision: preferences.revision,
        country: country.as_ref().map(|country| country.to_string()),
        currency: currency.map(|currency| currency.to_string()),
    }
}

fn show_preferences(call: &Call, customer: CustomerId) -> Response {
    let stands = preferences(call, customer);
    tagged(stands.revision, Json(view_preferences(&stands)))
}

async fn get_preferences(call: Call) -> Result<Response, Problem> {
    let id = me(&call)?;
    Ok(show_preferences(&call, id))
}

async fn change_preferences(call: Call, Json(body): Json<ChangePreferences>) -> Result<Response, Problem> {
    let id = me(&call)?;
    let shop = call.shop()?;
    let Preferences { revision, mut wishes } = preferences(&call, id);
    let mut faults = Faults::new();
    match body.country {
        Patch::Keep => {}
        Patch::Clear => wishes.country = None,
        Patch::Set(text) => wishes.country = faults.take("/country", Country::parse(&text)),
    }
    match body.currency {
        Patch::Keep => {}
        Patch::Clear => wishes.currency = None,
        Patch::Set(text) => {
            let known = Currency::parse(&text).map_err(|error| error.to_string()).and_then(|currency| {
                shop.currency(currency).ok_or_else(|| format!("this shop does not sell in {currency}"))
            });
            wishes.currency = faults.take("/currency", known);
        }
    }
    faults.check()?;
    let if_revision = call.if_match().or(Some(revision));
    call.submit(Customers::SetWishes { customer: id, if_revision, wishes }).await?;
    Ok(show_preferences(&call, id))
}
