//! Customers: who registered, what they bought, how to reach them.

use super::lists::{Columns, ListColumn, Show, column, list_problem, pager, with_query};
use super::orders::{OrderAsk, address_lines, order_rows, usual};
use super::view::form::Choice;
use super::view::{
    Action, Cell, Chip, Column, Direction, Fact, Field, Filter, Link, Page, Panel, Part, Row, Search, Tab,
    Table,
};
use super::views;
use super::visit::{Visit, may, settings, words};
use crate::extract::Path;
use crate::gate::Call;
use crate::ports_lists::{
    CustomerQuery, CustomerRow, CustomerSort, ListFrom, ListScope, OrderQuery, PageRequest,
};
use crate::problem::Problem;
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{ADDRESSES, ADDRESSES_MAX, CUSTOMERS, Customer, Profile, SavedAddress};
use gearify_commerce::staff::Permission::OrdersRead;
use gearify_commerce::staff::ViewList;
use gearify_commerce::{CustomerId, Site, sealed};

const ROWS: usize = 50;
/// Orders shown with a customer; the list of orders has the others.
const ORDERS: usize = 10;
const SORTS: [(CustomerSort, &str, &str); 3] = [
    (CustomerSort::Newest, "newest", "Newest first"),
    (CustomerSort::Spent, "spent", "Most spent first"),
    (CustomerSort::LastOrder, "last_order", "Latest order first"),
];
const COLUMNS: [ListColumn; 6] = [
    column("customer", "Customer", Show::Always),
    column("orders", "Orders", Show::Usual),
    column("spent", "Spent", Show::Usual),
    column("last_order", "Last order", Show::Usual),
    column("registered", "Registered", Show::Usual),
    column("language", "Language", Show::Asked),
];

pub fn routes() -> Vec<Route> {
    routes! { "Console: customers", Console, Shop;
        Get "/console/customers" list_customers_page: Staff(CustomersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Customers by name or e-mail address";
        Get "/console/customers/{id}" customer_page: Staff(CustomersRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "One customer with orders and addresses";
    }
}

#[derive(Clone, Default, PartialEq)]
struct Ask {
    text: String,
    sort: CustomerSort,
    columns: Columns,
}

impl Ask {
    fn read(visit: &Visit) -> Ask {
        let sort = visit.get("sort");
        let sort = SORTS.iter().find(|(_, word, _)| *word == sort).map(|found| found.0);
        let (text, columns) = (visit.get("q").to_owned(), Columns::read(visit, &COLUMNS));
        Ask { text, sort: sort.unwrap_or_default(), columns }
    }

    fn href(&self) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        if !self.text.is_empty() {
            pairs.append_pair("q", &self.text);
        }
        if self.sort != CustomerSort::default() {
            let word = SORTS.iter().find(|(sort, ..)| *sort == self.sort).map_or("", |found| found.1);
            pairs.append_pair("sort", word);
        }
        pairs.extend_pairs(self.columns.pairs());
        with_query("/console/customers", &pairs.finish())
    }
}

fn scope(call: &Call) -> ListScope {
    ListScope::new(call.tenant(), Site::FIRST)
}

/// One page of the customers that fit the words.
///
/// # Errors
/// `unknown-parameter` for a cursor of another list.
pub async fn find(
    call: &Call,
    text: &str,
    sort: CustomerSort,
    page: PageRequest,
) -> Result<crate::ports_lists::ListPage<CustomerRow>, Problem> {
    let text = Some(text.to_owned()).filter(|text| !text.is_empty());
    let query = CustomerQuery { text, sort, page };
    call.state().lists.clone().customers(scope(call), query).await.map_err(list_problem)
}

/// `None` where the person was erased.
pub fn opened(call: &Call, id: CustomerId) -> Option<(Customer, Profile)> {
    call.read(GroupKind::Region, |view| {
        let customer = CUSTOMERS.get(view, &id)?;
        let profile = sealed::open(view, call.vault(), &customer.profile).ok()?;
        Some((customer, profile))
    })
}

async fn list_customers_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let ask = Ask::read(&visit);
    let from = match visit.get("cursor") {
        "" => ListFrom::Start,
        cursor => ListFrom::Cursor(cursor.to_owned()),
    };
    let found = find(call, &ask.text, ask.sort, PageRequest { limit: ROWS, from }).await?;
    let mut table = ask.columns.of(table(call, &ask, &found.data)?, &COLUMNS);
    table.pager = Some(pager(&found, &ask.href(), "customer", "customers"));
    table.filter = Some(views::keep(call, ViewList::Customers, &ask.href(), filter(&ask)));
    table.empty = match ask.text.is_empty() {
        true => "Nobody has registered yet. Guests can order all the same.".to_owned(),
        false => "Nobody fits. Names are found by whole words or their beginnings.".to_owned(),
    };
    Ok(visit.show(&Page::new("Customers").part(table)))
}

fn table(call: &Call, ask: &Ask, customers: &[CustomerRow]) -> Result<Table, Problem> {
    let (words, currency) = (words(call)?, settings(call)?.currency);
    let sorting = |column: Column, sort: CustomerSort| {
        let sorted = Ask { sort, ..ask.clone() };
        column.sorts(sorted.href(), (ask.sort == sort).then_some(Direction::Down))
    };
    let columns = vec![
        Column::new("Customer"),
        Column::number("Orders"),
        sorting(Column::number("Spent"), CustomerSort::Spent),
        sorting(Column::new("Last order"), CustomerSort::LastOrder),
        sorting(Column::new("Registered").minor(), CustomerSort::Newest),
        Column::new("Language"),
    ];
    let rows = customers.iter().map(|row| {
        let href = format!("/console/customers/{}", row.id);
        let (name, email, language) = match opened(call, row.id) {
            Some((customer, profile)) => (profile.name, profile.email, customer.locale.to_string()),
            None => ("Erased".to_owned(), String::new(), String::new()),
        };
        Row::new(vec![
            Cell::LinkLines(Link::new(name, href.clone()), email),
            Cell::Text(words.count(row.orders.into())),
            Cell::Text(words.money(row.spent, currency)),
            row.last_order_at.map_or(Cell::Text(String::new()), |at| words.time(at)),
            words.time(row.registered_at),
            Cell::Text(language),
        ])
        .href(href)
    });
    Ok(Table::new("Customers", columns).rows(rows))
}

fn filter(ask: &Ask) -> Filter {
    let everybody = Ask { columns: ask.columns.clone(), ..Ask::default() };
    let sorts = SORTS.map(|(sort, word, label)| Choice::new(word, label).chosen(sort == ask.sort));
    let chips = match ask.text.is_empty() {
        true => Vec::new(),
        false => {
            let without = Ask { text: String::new(), ..ask.clone() };
            vec![Chip { label: format!("“{}”", ask.text), href: without.href() }]
        }
    };
    Filter {
        action: "/console/customers".to_owned(),
        tabs: vec![Tab { label: "All".to_owned(), href: everybody.href(), current: everybody == *ask }],
        search: Some(Search {
            label: "Name or e-mail".to_owned(),
            value: ask.text.clone(),
            hint: String::new(),
        }),
        chips,
        clear: everybody.href(),
        fields: vec![Field::select("sort", "Order", sorts.to_vec()), ask.columns.field(&COLUMNS)],
        ..Filter::default()
    }
}

async fn customer_page(visit: Visit, Path(id): Path<CustomerId>) -> Result<Response, Problem> {
    let call = &visit.call;
    let words = words(call)?;
    let known = call.read(GroupKind::Region, |view| CUSTOMERS.get(view, &id));
    let known = known.ok_or_else(|| Problem::not_found("customer"))?;
    let profile = opened(call, id).map(|(_, profile)| profile);
    let name = profile.as_ref().map_or_else(|| "Erased".to_owned(), |profile| profile.name.clone());
    let mut page = Page::new(name)
        .under("Customers", "/console/customers")
        .about(format!("Registered {}", words.when(known.created_at)));
    if may(call, OrdersRead) {
        page = page.part(orders(call, id, profile.as_ref()).await?);
    }
    let mut facts = Vec::new();
    if let Some(profile) = &profile {
        let email = match known.email_verified {
            true => profile.email.clone(),
            false => format!("{} (not confirmed)", profile.email),
        };
        facts.push(Fact::new("E-mail", email));
        facts.extend(profile.phone.clone().map(|phone| Fact::new("Phone", phone)));
    }
    facts.push(Fact::new("Language", known.locale.to_string()));
    page = page.aside(Panel::new("Contact").part(Part::Facts(facts)));
    for (title, lines) in addresses(call, id) {
        page = page.aside(Panel::new(title).part(Part::Address(lines)));
    }
    Ok(visit.show(&page))
}

async fn orders(call: &Call, id: CustomerId, profile: Option<&Profile>) -> Result<Panel, Problem> {
    let page = PageRequest { limit: ORDERS, from: ListFrom::Start };
    let query = OrderQuery { customer: Some(id), page, ..OrderQuery::default() };
    let found = call.state().lists.clone().orders(scope(call), query).await.map_err(list_problem)?;
    let table = usual(order_rows(call, &words(call)?, &found.data)).empty("Nothing was ordered yet.");
    let panel = Panel::new("Orders").note("The newest first").flush().part(table);
    Ok(match (found.next_cursor, profile) {
        (Some(_), Some(profile)) => {
            let ask = OrderAsk { text: profile.email.clone(), ..OrderAsk::default() };
            panel.action(Action::go("All of them", ask.href()))
        }
        _ => panel,
    })
}

fn addresses(call: &Call, id: CustomerId) -> Vec<(&'static str, Vec<String>)> {
    call.read(GroupKind::Region, |view| {
        let lines = |saved: SavedAddress| {
            let address = sealed::open(view, call.vault(), &saved.address).ok()?;
            let title = if saved.default { "Usual address" } else { "Address" };
            Some((title, address_lines(&address)))
        };
        ADDRESSES.list(view, &id, ADDRESSES_MAX).into_iter().filter_map(lines).collect()
    })
}
