//! Who did what: the events of the shop's streams that people caused, the newest first.
//!
//! Read from the history that every node keeps; nothing here is written for this page alone. A reason stands
//! where one was given.

use super::operator::cause_words;
use super::view::{Cell, Column, Filter, Link, Page, Pager, Row, Tab, Table};
use super::visit::{Visit, staff_name, words};
use super::wrong::sentence;
use crate::api::events::data_of;
use crate::gate::Call;
use crate::problem::Problem;
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::event::{Envelope, last_sequence};
use gearify_commerce::inventory::{self, Cause};
use gearify_commerce::orders::ORDERS;
use gearify_commerce::staff::API_KEYS;
use gearify_commerce::tenants::{self, Group};
use gearify_commerce::{Actor, Event, OrderId, ProductId, ReadScope, Site, catalog, orders, pricing, staff};

const ROWS: usize = 50;
/// Events looked at for a page: between two of people's there may be many of shoppers'.
const LOOKED_AT: u64 = 1_000;
/// Events asked for at a time.
const PAGE: usize = 100;

pub fn routes() -> Vec<Route> {
    routes! { "Console: history", Console, Shop;
        Get "/console/history" history_page: Staff(EventsRead), PERSON, Read, None, None, None,
            query(), request(), 200(), "Who did what, the newest first";
    }
}

/// A stream of events, by what a merchant calls it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stream {
    word: &'static str,
    label: &'static str,
    group: GroupKind,
}

const STREAMS: [Stream; 3] = [
    Stream { word: "orders", label: "Orders, payments and stock", group: GroupKind::Region },
    Stream { word: "range", label: "Products and prices", group: GroupKind::Catalogue },
    Stream { word: "shop", label: "Settings and staff", group: GroupKind::World },
];

fn href(stream: Stream, before: Option<u64>) -> String {
    let before = before.map_or(String::new(), |before| format!("&before={before}"));
    format!("/console/history?of={}{before}", stream.word)
}

async fn history_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let stream = STREAMS.into_iter().find(|stream| stream.word == visit.get("of")).unwrap_or(STREAMS[0]);
    let last = call.read(stream.group, |view| last_sequence(view));
    let before = visit.get("before").parse().unwrap_or(u64::MAX).min(last.saturating_add(1));
    let Looked { events, next } = look(call, stream, before).await?;
    let words = words(call)?;
    let columns = vec![Column::new("When"), Column::new("Who"), Column::new("What"), Column::new("Why")];
    let rows = events.iter().map(|event| {
        Row::new(vec![
            words.time(event.at),
            Cell::Text(who(call, &event.actor)),
            what(call, &event.event),
            Cell::Text(why(call, &event.event)),
        ])
    });
    let tab =
        |each: Stream| Tab { label: each.label.to_owned(), href: href(each, None), current: each == stream };
    let mut table = Table::new("Who did what", columns).rows(rows).empty("Nobody did anything here yet.");
    table.filter = Some(Filter { tabs: STREAMS.map(tab).to_vec(), ..Filter::default() });
    table.pager = Some(Pager {
        previous: (before <= last).then(|| href(stream, None)),
        next: next.map(|next| href(stream, Some(next))),
        words: String::new(),
    });
    let page =
        Page::new("History").about("What people who work here and their programs did, the newest first.");
    Ok(visit.show(&page.part(table)))
}

struct Looked {
    events: Vec<Envelope>,
    /// Where older ones are to be looked for.
    next: Option<u64>,
}

/// Goes back from `before` until the page is full, or has looked far enough.
async fn look(call: &Call, stream: Stream, before: u64) -> Result<Looked, Problem> {
    let shop = call.shop()?;
    let site = if stream.group == GroupKind::Region { shop.site() } else { Site::NONE };
    let floor = before.saturating_sub(1).saturating_sub(LOOKED_AT);
    let (mut events, mut end) = (Vec::new(), before.saturating_sub(1));
    while end > floor && events.len() < ROWS {
        let start = end.saturating_sub(PAGE as u64).max(floor);
        let limit = (end - start) as usize;
        let found = call.state().backend.history(stream.group, shop.id(), site, start, limit).await?;
        let people = found.into_iter().filter(|event| event.sequence <= end && is_done_by_people(event));
        events.extend(people.collect::<Vec<_>>().into_iter().rev());
        end = start;
    }
    let next = match events.len() > ROWS {
        true => Some(events[ROWS - 1].sequence),
        false => (end > 0).then_some(end + 1),
    };
    events.truncate(ROWS);
    Ok(Looked { events, next })
}

/// Of shoppers and of the clock the orders themselves tell; coming and going is no deed.
fn is_done_by_people(event: &Envelope) -> bool {
    let by_people = matches!(event.actor, Actor::Staff(_) | Actor::Operator(_) | Actor::ApiKey(_));
    by_people && !event.event.name().starts_with("session.")
}

fn who(call: &Call, actor: &Actor) -> String {
    match actor {
        Actor::Staff(id) => staff_name(call, *id),
        Actor::Operator(_) => "The platform's operator".to_owned(),
        Actor::ApiKey(id) => {
            let key = call.read(GroupKind::World, |view| API_KEYS.get(view, id));
            key.map_or_else(|| "An API key".to_owned(), |key| format!("API key {}", key.name))
        }
        other => sentence(other.kind()).trim_end_matches('.').to_owned(),
    }
}

/// The event in words, and what it is about.
fn what(call: &Call, event: &Event) -> Cell {
    let words = plain(event.name());
    let about = data_of(event);
    let named = |name: &str| about[name].as_str().unwrap_or_default().to_owned();
    if let Ok(order) = OrderId::parse(&named("order_id")) {
        return of_order(call, words, order);
    }
    if let Ok(product) = ProductId::parse(&named("product_id")) {
        return of_product(call, words, product);
    }
    match event {
        Event::Pricing(pricing::Event::PricesChanged { variant, .. }) => {
            let variant = call.read(GroupKind::Catalogue, |view| catalog::variant(view, *variant));
            match variant {
                Some(variant) => {
                    of_product(call, format!("{words}: {}", variant.details.sku), variant.product)
                }
                None => Cell::Text(words),
            }
        }
        Event::Inventory(event) => of_stock(call, words, event),
        Event::Staff(event) => match event.member() {
            Some(id) => Cell::Lines(words, staff_name(call, id)),
            None => Cell::Text(words),
        },
        Event::Tenants(tenants::Event::Updated { group, .. }) => Cell::Text(group_words(*group).to_owned()),
        _ => Cell::Text(words),
    }
}

/// `product.updated` is `Product updated`.
fn plain(name: &str) -> String {
    sentence(&name.replace(['.', '_'], " ")).trim_end_matches('.').to_owned()
}

fn group_words(group: Group) -> &'static str {
    match group {
        Group::Profile => "The shop's name changed",
        Group::Branding => "Branding changed",
        Group::Settings => "Settings changed",
        Group::Entitlements => "What the plan allows changed",
        Group::LegalEntity => "The legal entity changed",
        Group::Page(_) => "A page changed",
        Group::Origins => "Other websites changed",
    }
}

fn of_order(call: &Call, words: String, order: OrderId) -> Cell {
    match call.read(GroupKind::Region, |view| ORDERS.get(view, &order)) {
        Some(known) => Cell::LinkLines(
            Link::new(format!("Order {}", known.number), format!("/console/orders/{order}")),
            words,
        ),
        None => Cell::Text(words),
    }
}

fn of_product(call: &Call, words: String, product: ProductId) -> Cell {
    let Ok(settings) = super::visit::settings(call) else { return Cell::Text(words) };
    let locale = &settings.locale;
    match call.read(GroupKind::Catalogue, |view| catalog::product(view, product)) {
        Some(known) => {
            let name = known.details.name.words(locale, locale).to_owned();
            Cell::LinkLines(Link::new(name, format!("/console/products/{product}")), words)
        }
        None => Cell::Text(words),
    }
}

fn of_stock(call: &Call, words: String, event: &inventory::Event) -> Cell {
    let inventory::Event::InventoryUpdated { changes, .. } = event else { return Cell::Text(words) };
    let Some(change) = changes.first() else { return Cell::Text(words) };
    let item = call.read(GroupKind::Region, |view| inventory::STOCK_ITEMS.get(view, &change.item));
    let sign = if change.delta > 0 { "+" } else { "" };
    let told = format!("Stock {sign}{}, {} on hand", change.delta, change.after.on_hand);
    match item {
        Some(item) => Cell::LinkLines(Link::new(item.sku, format!("/console/stock/{}", change.item)), told),
        None => Cell::Text(told),
    }
}

/// What was given as the reason.
fn why(call: &Call, event: &Event) -> String {
    match event {
        Event::Orders(orders::Event::OrderCancelled { order, .. }) => {
            let reason =
                |view: &ReadScope<'_>| orders::why_cancelled(view, call.vault(), &ORDERS.get(view, order)?);
            call.read(GroupKind::Region, reason).unwrap_or_default()
        }
        Event::Orders(orders::Event::RefundRequested { order, refund, .. }) => {
            let reason = |view: &ReadScope<'_>| {
                let known = ORDERS.get(view, order)?;
                let refund = known.refunds.iter().find(|known| known.id == *refund)?;
                Some(orders::why_refunded(view, call.vault(), *order, refund))
            };
            call.read(GroupKind::Region, reason).unwrap_or_default()
        }
        Event::Inventory(inventory::Event::InventoryUpdated { cause: Cause::Adjusted(reason), .. }) => {
            plain(reason.as_str())
        }
        Event::Staff(staff::Event::RoleChanged { from, to, .. }) => format!("{from} to {to}"),
        Event::Tenants(tenants::Event::SuspendedFor { cause }) => cause_words(*cause).0.to_owned(),
        _ => String::new(),
    }
}
