//! Customers, as staff see them.

use crate::api::me::{CURSOR, LIMIT, PAGE, SavedAddressView, address_book, page_request, profile, tagged};
use crate::extract::{Asked, Json, Pairs, Parameter, Path, Query};
use crate::gate::Call;
use crate::ports_lists::{CustomerQuery, CustomerRow, CustomerSort, ListScope, PageRequest};
use crate::problem::Problem;
use crate::read::{MoneyView, list_view, moment, money};
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{CUSTOMERS, Profile};
use gearify_commerce::{Currency, CustomerId};
use serde::Serialize;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: customers", Api, Shop;
        Get "/api/v1/admin/customers" list_customers: Staff(CustomersRead), MERCHANT, Read, None, None, None,
            query(CustomersAsked), request(), 200(CustomerList), "Customers by e-mail or name";
        Get "/api/v1/admin/customers/{id}" get_customer: Staff(CustomersRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(CustomerView), "One customer with the address book";
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerSummary {
    pub id: String,
    /// Absent once erased.
    pub name: Option<String>,
    pub email: Option<String>,
    pub orders: u32,
    pub spent: MoneyView,
    pub registered_at: String,
    pub last_order_at: Option<String>,
}
list_view!(CustomerList of CustomerSummary);

#[derive(Serialize, ToSchema)]
pub struct CustomerView {
    pub id: String,
    pub revision: u64,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub email_verified: bool,
    pub locale: String,
    pub created_at: String,
    pub addresses: Vec<SavedAddressView>,
}

#[derive(Clone, Debug)]
pub struct CustomersAsked {
    text: Option<String>,
    sort: CustomerSort,
    page: PageRequest,
}

impl Asked for CustomersAsked {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new("q", "string", "An e-mail address, or words of a name."),
        Parameter::new("sort", "string", "newest, spent or last_order."),
        LIMIT,
        CURSOR,
        PAGE,
    ];

    fn read(pairs: &mut Pairs) -> CustomersAsked {
        let sort = pairs.with("sort", |text| match text {
            "newest" => Ok(CustomerSort::Newest),
            "spent" => Ok(CustomerSort::Spent),
            "last_order" => Ok(CustomerSort::LastOrder),
            _ => Err("must be newest, spent or last_order"),
        });
        CustomersAsked { text: pairs.text("q"), sort: sort.unwrap_or_default(), page: page_request(pairs) }
    }
}

async fn list_customers(
    call: Call,
    Query(asked): Query<CustomersAsked>,
) -> Result<Json<CustomerList>, Problem> {
    let shop = call.shop()?;
    let query = CustomerQuery { text: asked.text, sort: asked.sort, page: asked.page };
    let page = call.state().lists.customers(ListScope::new(shop.id(), shop.site()), query).await?;
    let currency = shop.settings().currency;
    Ok(Json(CustomerList::page(page, |row| summary(&call, row, currency))))
}

fn opened(call: &Call, id: CustomerId) -> Option<Profile> {
    let customer = call.read(GroupKind::Region, |view| CUSTOMERS.get(view, &id))?;
    profile(call, &customer).ok()
}

fn summary(call: &Call, row: CustomerRow, currency: Currency) -> CustomerSummary {
    let profile = opened(call, row.id);
    CustomerSummary {
        id: row.id.to_string(),
        name: profile.as_ref().map(|profile| profile.name.clone()),
        email: profile.map(|profile| profile.email),
        orders: row.orders,
        spent: money(row.spent, currency),
        registered_at: moment(row.registered_at),
        last_order_at: row.last_order_at.map(moment),
    }
}

async fn get_customer(call: Call, Path(id): Path<CustomerId>) -> Result<Response, Problem> {
    let customer = call.read(GroupKind::Region, |view| CUSTOMERS.get(view, &id));
    let customer = customer.ok_or_else(|| Problem::not_found("customer"))?;
    let profile = profile(&call, &customer).ok();
    let view = CustomerView {
        id: id.to_string(),
        revision: customer.revision,
        name: profile.as_ref().map(|profile| profile.name.clone()),
        phone: profile.as_ref().and_then(|profile| profile.phone.clone()),
        email: profile.map(|profile| profile.email),
        email_verified: customer.email_verified,
        locale: customer.locale.to_string(),
        created_at: moment(customer.created_at),
        addresses: address_book(&call, id),
    };
    Ok(tagged(customer.revision, Json(view)))
}
