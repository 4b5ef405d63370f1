//! The signed-in customer: profile, orders, addresses.

use super::admin::base;
use super::body::{AddressBody, line, phone, text};
use crate::extract::{Asked, Json, Pairs, Parameter, Patch, Path, Query};
use crate::gate::{Call, revision_tag, unauthorized};
use crate::ports_lists::{ListFrom, ListScope, OrderQuery, OrderRow, PageRequest};
use crate::problem::{Faults, Problem};
use crate::read::orders::{AddressView, fulfillment_status, order_status, payment_status};
use crate::read::{MoneyView, list_view, moment, money};
use crate::routes::{Route, routes};
use axum::response::{IntoResponse, Response};
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{
    ADDRESSES, ADDRESSES_MAX, CUSTOMERS, Command as Customers, Customer, Profile, SavedAddress,
};
use gearify_commerce::intent::{CustomerIntent, Intent};
use gearify_commerce::sealed::open;
use gearify_commerce::{AddressId, CustomerId, Locale, ReadScope};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Account", Api, Shop;
        Get "/api/v1/me" get_me: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(MeView), "The customer's profile";
        Patch "/api/v1/me" change_me: Customer, ACCOUNT, Write, Json, Accepted, Origin,
            query(), request(ChangeMe), 200(MeView), "Changes name, telephone or language";
        Get "/api/v1/me/orders" list_my_orders: Customer, ACCOUNT, Read, None, None, None,
            query(MyOrdersQuery), request(), 200(OrderSummaryList), "The customer's orders, newest first";
        Get "/api/v1/me/addresses" list_addresses: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(SavedAddressList), "The customer's address book";
        Post "/api/v1/me/addresses" add_address: Customer, ACCOUNT, Write, Json, Accepted, Origin,
            query(), request(SaveAddress), 201(SavedAddressView), "Adds an address";
        Get "/api/v1/me/addresses/{id}" get_address: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(SavedAddressView), "One address";
        Put "/api/v1/me/addresses/{id}" replace_address: Customer, ACCOUNT, Write, Json, Accepted, Origin,
            query(), request(SaveAddress), 200(SavedAddressView), "Replaces an address";
        Delete "/api/v1/me/addresses/{id}" remove_address: Customer, ACCOUNT, Write, None, Accepted, Origin,
            query(), request(), 204(), "Takes an address out of the book";
    }
}

#[derive(Serialize, ToSchema)]
pub struct MeView {
    pub id: String,
    pub email: String,
    pub email_verified: bool,
    pub name: String,
    pub phone: Option<String>,
    pub locale: String,
    pub created_at: String,
    pub revision: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMe {
    pub name: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub phone: Patch<String>,
    pub locale: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveAddress {
    pub address: AddressBody,
    /// Chosen beforehand at checkout.
    #[serde(default)]
    pub default: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SavedAddressView {
    pub id: String,
    pub revision: u64,
    pub default: bool,
    pub address: AddressView,
}
list_view!(SavedAddressList of SavedAddressView);

/// An order in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderSummary {
    pub id: String,
    pub number: String,
    pub status: &'static str,
    pub payment_status: &'static str,
    pub fulfillment_status: &'static str,
    pub total: MoneyView,
    /// Pieces ordered.
    pub quantity: u32,
    pub line_count: u32,
    pub first_sku: String,
    pub customer_id: Option<String>,
    pub country: String,
    pub placed_at: String,
}
list_view!(OrderSummaryList of OrderSummary);

impl From<OrderRow> for OrderSummary {
    fn from(row: OrderRow) -> OrderSummary {
        OrderSummary {
            id: row.id.to_string(),
            number: row.number,
            status: order_status(row.status),
            payment_status: payment_status(row.payment_status),
            fulfillment_status: fulfillment_status(row.fulfillment_status),
            total: money(row.total, row.currency),
            quantity: row.pieces,
            line_count: row.lines,
            first_sku: row.first_sku,
            customer_id: row.customer.map(|id| id.to_string()),
            country: row.country,
            placed_at: moment(row.placed_at),
        }
    }
}

/// Limit and place of a page.
#[derive(Clone, Debug)]
pub struct MyOrdersQuery {
    page: PageRequest,
}

pub const LIMIT: Parameter = Parameter::new("limit", "integer", "1 to 100; 24 if not given.");
pub const CURSOR: Parameter =
    Parameter::new("cursor", "string", "From an earlier answer to the same question.");
pub const PAGE: Parameter = Parameter::new("page", "integer", "A numbered page instead of a cursor.");

/// Reads `limit`, `cursor` and `page`.
pub fn page_request(pairs: &mut Pairs) -> PageRequest {
    let limit = pairs.integer("limit", 1, 100).unwrap_or(24) as usize;
    let cursor = pairs.text("cursor");
    let page = pairs.integer("page", 1, 10_000);
    if cursor.is_some() && page.is_some() {
        pairs.fault("page", "can't be given together with cursor");
    }
    let from = match (cursor, page) {
        (Some(cursor), _) => ListFrom::Cursor(cursor),
        (None, Some(page)) => ListFrom::Page(page as usize),
        (None, None) => ListFrom::Start,
    };
    PageRequest { limit, from }
}

impl Asked for MyOrdersQuery {
    const PARAMETERS: &'static [Parameter] = &[LIMIT, CURSOR, PAGE];

    fn read(pairs: &mut Pairs) -> MyOrdersQuery {
        MyOrdersQuery { page: page_request(pairs) }
    }
}

/// The customer who asks. The gate has let customers through only.
pub fn me(call: &Call) -> Result<CustomerId, Problem> {
    call.caller().customer().ok_or_else(unauthorized)
}

fn record(call: &Call, id: CustomerId) -> Result<Customer, Problem> {
    call.read(GroupKind::Region, |view| CUSTOMERS.get(view, &id)).ok_or_else(unauthorized)
}

pub fn profile(call: &Call, customer: &Customer) -> Result<Profile, Problem> {
    call.read(GroupKind::Region, |view| open(view, call.vault(), &customer.profile))
        .map_err(Problem::internal)
}

fn view_me(call: &Call, id: CustomerId) -> Result<Response, Problem> {
    let customer = record(call, id)?;
    let Profile { email, name, phone } = profile(call, &customer)?;
    let view = MeView {
        id: id.to_string(),
        email,
        email_verified: customer.email_verified,
        name,
        phone,
        locale: customer.locale.to_string(),
        created_at: moment(customer.created_at),
        revision: customer.revision,
    };
    Ok(tagged(customer.revision, Json(view)))
}

/// An answer about one record, with the tag of its revision.
pub fn tagged(revision: u64, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    if let Ok(tag) = HeaderValue::try_from(revision_tag(revision)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

async fn get_me(call: Call) -> Result<Response, Problem> {
    view_me(&call, me(&call)?)
}

async fn change_me(call: Call, Json(body): Json<ChangeMe>) -> Result<Response, Problem> {
    let customer = me(&call)?;
    let mut faults = Faults::new();
    let name = faults.optional("/name", body.name.as_deref(), line);
    let locale = faults.optional("/locale", text(&body.locale), Locale::parse);
    let phone = match body.phone {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(typed) => faults.take("/phone", phone(&typed)).map(Some),
    };
    faults.check()?;
    let if_revision = call.if_match();
    let intent = CustomerIntent::UpdateProfile { customer, name, phone, locale, if_revision };
    call.submit(Intent::Customer(intent)).await?;
    view_me(&call, customer)
}

async fn list_my_orders(
    call: Call,
    Query(query): Query<MyOrdersQuery>,
) -> Result<Json<OrderSummaryList>, Problem> {
    let customer = Some(me(&call)?);
    let shop = call.shop()?;
    let wanted = OrderQuery { customer, page: query.page, ..OrderQuery::default() };
    let page = call.state().lists.orders(ListScope::new(shop.id(), shop.site()), wanted).await?;
    Ok(Json(OrderSummaryList::page(page, OrderSummary::from)))
}

fn address_view(call: &Call, view: &ReadScope<'_>, saved: &SavedAddress) -> Option<SavedAddressView> {
    let address = open(view, call.vault(), &saved.address).ok()?;
    Some(SavedAddressView {
        id: saved.id.to_string(),
        revision: saved.revision,
        default: saved.default,
        address: AddressView::of(&address),
    })
}

/// A customer's address book.
pub fn address_book(call: &Call, customer: CustomerId) -> Vec<SavedAddressView> {
    call.read(GroupKind::Region, |view| {
        let book = ADDRESSES.list(view, &customer, ADDRESSES_MAX);
        book.iter().filter_map(|saved| address_view(call, view, saved)).collect()
    })
}

fn one_address(call: &Call, customer: CustomerId, id: AddressId) -> Result<SavedAddressView, Problem> {
    let found = call.read(GroupKind::Region, |view| {
        ADDRESSES.get(view, &(customer, id)).and_then(|saved| address_view(call, view, &saved))
    });
    found.ok_or_else(|| Problem::not_found("address"))
}

async fn list_addresses(call: Call) -> Result<Json<SavedAddressList>, Problem> {
    let customer = me(&call)?;
    Ok(Json(SavedAddressList::whole(address_book(&call, customer))))
}

async fn get_address(call: Call, Path(id): Path<AddressId>) -> Result<Response, Problem> {
    let view = one_address(&call, me(&call)?, id)?;
    Ok(tagged(view.revision, Json(view)))
}

async fn add_address(call: Call, Json(body): Json<SaveAddress>) -> Result<Response, Problem> {
    let customer = me(&call)?;
    let mut faults = Faults::new();
    let address = body.address.parse("/address", &mut faults);
    let address = Box::new(faults.finish(address)?);
    let intent = CustomerIntent::AddAddress { customer, address, default: body.default };
    let reply = call.submit(Intent::Customer(intent)).await?;
    let id =
        reply.id.map(AddressId::from_bits).ok_or_else(|| Problem::internal("an address without an id"))?;
    let view = one_address(&call, customer, id)?;
    Ok(tagged(view.revision, (StatusCode::CREATED, Json(view))))
}

async fn replace_address(
    call: Call,
    Path(id): Path<AddressId>,
    Json(body): Json<SaveAddress>,
) -> Result<Response, Problem> {
    let customer = me(&call)?;
    let mut faults = Faults::new();
    let address = body.address.parse("/address", &mut faults);
    let address = Box::new(faults.finish(address)?);
    let if_revision = call.if_match();
    let intent = CustomerIntent::UpdateAddress { customer, id, address, default: body.default, if_revision };
    call.submit(Intent::Customer(intent)).await?;
    let view = one_address(&call, customer, id)?;
    Ok(tagged(view.revision, Json(view)))
}

async fn remove_address(call: Call, Path(id): Path<AddressId>) -> Result<StatusCode, Problem> {
    let customer = me(&call)?;
    base(&call, one_address(&call, customer, id)?.revision)?;
    call.submit(Customers::RemoveAddress { customer, id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
