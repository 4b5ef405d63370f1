//! Invoices and credit notes as sheets to print: the same for whoever holds the order and for staff.
//!
//! What a sheet says is what was issued: the order's snapshot and the paper's own sums. Only names and addresses
//! are opened now, and are gone once the person was erased.

use super::convert::{amount, day};
use super::order::hold_or_look_up;
use super::places::country_name;
use super::typed::address_lines_in;
use super::view::paths;
use super::visit::Visit;
use crate::console::view::parts::Sum;
use crate::console::view::print::{Sheet, SheetWords};
use crate::console::view::table::Column;
use crate::gate::Call;
use crate::l10n::{Locale, Text};
use crate::problem::Problem;
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::OrderId;
use gearify_commerce::cart::Address;
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::{Document, DocumentKind, Line, Order, PAPERS, Papers, RefundItem, Seller};
use gearify_commerce::sealed::{Sealed, open};
use http::{HeaderValue, header};

/// `GET /orders/{id}/documents/{number}`
pub async fn show_document(visit: Visit) -> Result<Response, Problem> {
    let id = OrderId::parse(visit.segment()).map_err(|_| Problem::not_found("order"))?;
    let order = match hold_or_look_up(&visit, id)? {
        Ok(order) => order,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let number = visit.segments.get(1).map_or("", String::as_str);
    let back = visit.to(&paths::order(&id.to_string()));
    let sheet = document_sheet(&visit.call, &order, number, visit.page_locale(), back)?;
    let mut response = Html(sheet.render()).into_response();
    // It names people: nobody keeps it on the way.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Ok(language) = HeaderValue::try_from(visit.page_locale().tag()) {
        response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
    }
    Ok(response)
}

/// What the papers of an order are called on links, with their numbers.
pub fn titles(call: &Call, order: &Order, t: Text) -> Vec<(String, String)> {
    let papers = call.read(GroupKind::Region, |view| PAPERS.get(view, &order.id));
    let Some(papers) = papers else { return Vec::new() };
    let named = |document: &Document| {
        let number = document.number.to_string();
        let title = format!("{} {number}", title(&papers.seller, document, t));
        (number, title)
    };
    papers.documents.iter().map(named).collect()
}

fn title(seller: &Seller, document: &Document, t: Text) -> &'static str {
    match document.number.kind {
        DocumentKind::CreditNote => t.credit_note(),
        // Only who is registered for a tax issues tax invoices.
        DocumentKind::Invoice if seller.tax_id.is_some() && !document.taxes.is_empty() => t.tax_invoice(),
        DocumentKind::Invoice => t.invoice(),
    }
}

/// A paper of an order, by its number.
///
/// # Errors
/// `not-found` for a number that is none of this order's.
pub fn document_sheet(
    call: &Call,
    order: &Order,
    number: &str,
    locale: Locale,
    back: String,
) -> Result<Sheet, Problem> {
    let t = locale.text();
    let papers = call.read(GroupKind::Region, |view| PAPERS.get(view, &order.id));
    let papers = papers.ok_or_else(|| Problem::not_found("document"))?;
    let document = papers.find(number).ok_or_else(|| Problem::not_found("document"))?;
    let issued = locale.date(day(document.issued_at, call.shop()?.settings()));
    let mut facts = vec![(t.issued_on().to_owned(), issued)];
    facts.push((t.order_number().to_owned(), order.number.clone()));
    let money = |minor| locale.sum(amount(minor, order.currency));
    let (columns, rows) = match document.number.kind {
        DocumentKind::Invoice => invoice_table(order, locale),
        DocumentKind::CreditNote => {
            facts.extend(papers.invoice().map(|of| (t.for_invoice().to_owned(), of.number.to_string())));
            credit_table(order, document, locale)
        }
    };
    let taxes = document.taxes.iter().map(|tax| {
        let name = t.tax_on(&tax.name, money(tax.taxable));
        Sum::new(if tax.included { t.of_which(name) } else { name }, money(tax.amount))
    });
    let total = match document.number.kind {
        DocumentKind::Invoice => t.total(),
        DocumentKind::CreditNote => t.credited(),
    };
    let sums = taxes.chain([Sum::new(total, money(document.amount)).strong()]).collect();
    Ok(Sheet {
        words: SheetWords {
            language: locale.language().code().to_owned(),
            back: t.back_to_order().to_owned(),
            print: t.print().to_owned(),
        },
        title: format!("{} {number}", title(&papers.seller, document, t)),
        back,
        seller: seller_lines(&papers, locale),
        addresses: addresses(call, order, locale),
        facts,
        columns,
        rows,
        sums,
        notes: Vec::new(),
    })
}

fn seller_lines(Papers { seller, .. }: &Papers, locale: Locale) -> Vec<String> {
    let t = locale.text();
    let country = seller.country.as_ref().map(|country| country_name(country, locale).to_owned());
    let registration = seller.registration.as_ref().map(|number| t.registration_number(number));
    let tax_id = seller.tax_id.as_ref().map(|number| t.tax_number(number));
    let lines = [seller.name.clone()].into_iter().chain(seller.address.iter().cloned());
    lines.chain([country, registration, tax_id].into_iter().flatten()).collect()
}

fn addresses(call: &Call, order: &Order, locale: Locale) -> Vec<(String, Vec<String>)> {
    let t = locale.text();
    let opened =
        |sealed: &Sealed<Address>| call.read(GroupKind::Region, |view| open(view, call.vault(), sealed).ok());
    let lines = |address: Option<Address>| -> Vec<String> {
        let Some(address) = address else { return vec![t.erased().to_owned()] };
        let tax_id = address.tax_id.as_ref().map(|number| t.tax_number(number));
        address_lines_in(&address, locale).into_iter().chain(tax_id).collect()
    };
    let billing = order.billing_address.as_ref();
    let billing = billing.map(|address| (t.billing_address().to_owned(), lines(opened(address))));
    let shipping = (t.delivery_address().to_owned(), lines(opened(&order.shipping_address)));
    billing.into_iter().chain([shipping]).collect()
}

type Rows = (Vec<Column>, Vec<Vec<(String, String)>>);

fn invoice_table(order: &Order, locale: Locale) -> Rows {
    let t = locale.text();
    let money = |minor| locale.sum(amount(minor, order.currency));
    let plain = |text: String| (text, String::new());
    let names = |taxes: &[gearify_commerce::orders::TaxLine]| {
        taxes.iter().map(|tax| tax.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let columns = vec![
        Column::new(t.product()),
        Column::number(t.quantity()),
        Column::number(t.price()),
        Column::number(t.tax()),
        Column::number(t.total()),
    ];
    let row = |line: &Line| {
        vec![
            (line.name.clone(), beneath(line)),
            plain(line.quantities.ordered.to_string()),
            plain(money(line.unit_price)),
            (money(line.tax), names(&line.tax_lines)),
            plain(money(line.total)),
        ]
    };
    let shipping = &order.shipping;
    let delivery = vec![
        (t.shipping().to_owned(), shipping.name.clone()),
        plain("1".to_owned()),
        plain(money(shipping.price)),
        (money(shipping.tax), names(&shipping.tax_lines)),
        plain(money(shipping.total)),
    ];
    (columns, order.lines.iter().map(row).chain([delivery]).collect())
}

fn credit_table(order: &Order, document: &Document, locale: Locale) -> Rows {
    let t = locale.text();
    let money = |minor| locale.sum(amount(minor, order.currency));
    let columns = vec![Column::new(t.product()), Column::number(t.quantity()), Column::number(t.total())];
    let plain = |text: String| (text, String::new());
    let row = |item: &RefundItem| {
        let (what, pieces) = match item {
            RefundItem::Line { line, quantity, .. } => {
                // Another payment gives back the other part of the price.
                let pieces = if *quantity == 0 { String::new() } else { quantity.to_string() };
                let name = order.line(*line).map(|line| (line.name.clone(), beneath(line)));
                (name.unwrap_or_else(|| plain(t.product().to_owned())), pieces)
            }
            RefundItem::Shipping { .. } => {
                ((t.shipping().to_owned(), order.shipping.name.clone()), String::new())
            }
            RefundItem::Goodwill { .. } => (plain(t.goodwill().to_owned()), String::new()),
        };
        vec![what, plain(pieces), plain(money(item.amount()))]
    };
    let mut rows: Vec<_> = document.items.iter().map(row).collect();
    if rows.is_empty() {
        rows.push(vec![
            plain(t.all_not_credited().to_owned()),
            plain(String::new()),
            plain(money(document.amount)),
        ]);
    }
    (columns, rows)
}

/// SKU, choices and add-ons in one line.
fn beneath(line: &Line) -> String {
    let mut parts = vec![line.sku.clone()];
    parts.extend(line.options.iter().map(|(name, value)| format!("{name}: {value}")));
    parts.extend(line.components.iter().map(|component| format!("+ {}", component.name)));
    parts.join(" · ")
}
