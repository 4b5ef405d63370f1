//! The outbox: what people were told, as it reads.
//!
//! A mail holds what it is about; its words and its address are filled in here, for those who may see
//! the order. Once the person's data was erased, the mail says so.

use crate::console::view::Pager;
use crate::console::view::{Badge, Cell, Column, Fact, Link, Page, Panel, Part, Row, Table, Tone};
use crate::console::visit::{Visit, settings, words};
use crate::console::words::Words;
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::cart::Contact;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{CUSTOMERS, Profile};
use gearify_commerce::notifications::{MAILS, Mail, MailKind, MailState, Subject};
use gearify_commerce::orders::{ORDERS, Order};
use gearify_commerce::{CustomerId, MailId, OrderId, sealed};

const ROWS: usize = 50;

pub async fn outbox_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let before = MailId::parse(visit.get("before")).ok();
    let mails = call.read(GroupKind::Region, |view| view.list_back(&MAILS, before.as_ref(), ROWS + 1));
    let words = words(call)?;
    let columns = vec![Column::new("Mail"), Column::new("To"), Column::new("When"), Column::new("State")];
    let rows = mails.iter().take(ROWS).map(|mail| {
        let told = told(call, mail, &words);
        let href = format!("/console/outbox/{}", mail.id);
        Row::new(vec![
            Cell::Link(Link::new(told.title, href.clone())),
            Cell::Text(told.to),
            words.time(mail.created_at),
            Cell::badge(state(mail.state)),
        ])
        .href(href)
    });
    let mut table =
        Table::new("Mails", columns).rows(rows).empty("No mail yet. Orders and new accounts write them.");
    let next = (mails.len() > ROWS).then(|| format!("/console/outbox?before={}", mails[ROWS - 1].id));
    let previous = before.map(|_| "/console/outbox".to_owned());
    table.pager = Some(Pager { previous, next, words: String::new() });
    Ok(visit.show(&Page::new("Outbox").about("Every mail to shoppers, the newest first.").part(table)))
}

fn state(state: MailState) -> Badge {
    match state {
        MailState::Queued => Badge::new("Waiting", Tone::Live),
        MailState::Sent => Badge::new("Sent", Tone::Good),
        MailState::Failed => Badge::new("Failed", Tone::Bad),
    }
}

pub async fn mail_page(visit: Visit, Path(id): Path<MailId>) -> Result<Response, Problem> {
    let call = &visit.call;
    let mail = call
        .read(GroupKind::Region, |view| MAILS.get(view, &id))
        .ok_or_else(|| Problem::not_found("mail"))?;
    let words = words(call)?;
    let told = told(call, &mail, &words);
    let mut facts = vec![
        Fact::new("To", told.to),
        Fact::new("Subject", told.title.clone()),
        Fact::new("Written", words.time(mail.created_at)),
    ];
    if mail.updated_at != mail.created_at {
        facts.push(Fact::new("Handed over", words.time(mail.updated_at)));
    }
    if let Some((number, href)) = told.order {
        facts.push(Fact::new("Order", Link::new(number, href)));
    }
    let page = Page::new(told.title)
        .under("Outbox", "/console/outbox")
        .badge(state(mail.state))
        .part(Panel::new("Text").part(Part::Text(told.body)))
        .aside(Panel::new("Mail").part(Part::Facts(facts)));
    Ok(visit.show(&page))
}

/// A mail in words.
struct Told {
    to: String,
    title: String,
    body: String,
    order: Option<(String, String)>,
}

fn told(call: &Call, mail: &Mail, words: &Words) -> Told {
    match mail.subject {
        Subject::Order(order) | Subject::Shipment(order, _) | Subject::Refund(order, _) => {
            about_order(call, mail, order, words)
        }
        Subject::Customer(customer) => about_customer(call, mail.kind, customer),
    }
}

const ERASED: &str = "Erased";

fn about_customer(call: &Call, kind: MailKind, id: CustomerId) -> Told {
    let profile: Option<Profile> = call.read(GroupKind::Region, |view| {
        let customer = CUSTOMERS.get(view, &id)?;
        sealed::open(view, call.vault(), &customer.profile).ok()
    });
    let (to, name) =
        profile.map_or((ERASED.to_owned(), String::new()), |profile| (profile.email, profile.name));
    let (title, body) = match kind {
        MailKind::PasswordReset => (
            "Choose a new password",
            "somebody asked for a new password for your account. The link in this mail works once, for an hour.",
        ),
        _ => (
            "Is this your address?",
            "please confirm that this address is yours. The link in this mail works for three days. If the account is not \
             of your making, leave it alone.",
        ),
    };
    let body = format!("{}\n\n{LINK_LEFT_OUT}", greeting(&name, body));
    Told { to, title: title.to_owned(), body, order: None }
}

/// Whoever holds the link is taken for the customer: it is for the one who gets the mail, not for staff.
const LINK_LEFT_OUT: &str = "[The link is left out here: only the customer may see it.]";

fn greeting(name: &str, body: &str) -> String {
    if name.is_empty() { format!("Hello,\n\n{body}") } else { format!("Hello {name},\n\n{body}") }
}

fn about_order(call: &Call, mail: &Mail, id: OrderId, words: &Words) -> Told {
    let found = call.read(GroupKind::Region, |view| {
        let order = ORDERS.get(view, &id)?;
        let contact: Option<Contact> = sealed::open(view, call.vault(), &order.contact.sealed).ok();
        Some((order, contact))
    });
    let Some((order, contact)) = found else {
        return Told {
            to: ERASED.to_owned(),
            title: "About an order".to_owned(),
            body: String::new(),
            order: None,
        };
    };
    let shop = settings(call)
        .ok()
        .and(call.shop().ok())
        .map_or(String::new(), |shop| shop.tenant.profile.value.name.to_string());
    let (title, body) = order_words(mail, &order, words, &shop);
    let name = contact.as_ref().and_then(|contact| contact.name.clone()).unwrap_or_default();
    let to = contact.map_or_else(|| ERASED.to_owned(), |contact| contact.email);
    let link = (order.number.clone(), format!("/console/orders/{id}"));
    Told { to, title, body: greeting(&name, &body), order: Some(link) }
}

fn order_words(mail: &Mail, order: &Order, words: &Words, shop: &str) -> (String, String) {
    let number = &order.number;
    let total = words.money(order.totals.total, order.currency);
    match mail.kind {
        MailKind::OrderReceived => (
            format!("We have your order {number}"),
            format!(
                "thank you. {shop} has your order {number} over {total} and sends it once the money is there.\n\n{}",
                lines(order)
            ),
        ),
        MailKind::OrderShipped => {
            let shipment = match mail.subject {
                Subject::Shipment(_, id) => order.shipments.iter().find(|shipment| shipment.id == id),
                _ => None,
            };
            let carrier = shipment.and_then(|shipment| shipment.carrier.clone());
            let tracking = shipment.and_then(|shipment| shipment.tracking.clone());
            let by = carrier.map_or(String::new(), |carrier| format!(" with {carrier}"));
            let number_words =
                tracking.map_or(String::new(), |tracking| format!(" The number to follow it is {tracking}."));
            (
                format!("Your order {number} is on its way"),
                format!("your order {number} has left us{by}.{number_words}"),
            )
        }
        MailKind::OrderCancelled => (
            format!("Your order {number} is cancelled"),
            format!("your order {number} was cancelled. What you paid is on its way back."),
        ),
        MailKind::OrderExpired => {
            let taken = match order.paid.captured {
                0 => "Nothing was taken.",
                _ => "What you paid of it is on its way back.",
            };
            (
                format!("Your order {number} has lapsed"),
                format!("your order {number} was not paid in time and has lapsed. {taken}"),
            )
        }
        MailKind::OrderRefunded => {
            let refund = match mail.subject {
                Subject::Refund(_, id) => order.refunds.iter().find(|refund| refund.id == id),
                _ => None,
            };
            let amount = refund.map_or(total, |refund| words.money(refund.amount, order.currency));
            (
                format!("{amount} for your order {number}"),
                format!("we have given back {amount} for your order {number}."),
            )
        }
        _ => (
            format!("Your order {number} is confirmed"),
            format!("thank you. Your order {number} over {total} is confirmed.\n\n{}", lines(order)),
        ),
    }
}

fn lines(order: &Order) -> String {
    order
        .lines
        .iter()
        .map(|line| format!("{} × {}", line.quantities.ordered, line.name))
        .collect::<Vec<_>>()
        .join("\n")
}
