//! Packing slip, invoice and credit notes, made to be printed.

use super::detail::{beneath, provider_words, sums};
use super::{address_lines, open_order, order, path_of, payments_of};
use crate::console::view::Column;
use crate::console::view::print::Sheet;
use crate::console::visit::{Visit, words};
use crate::console::words::Words;
use crate::extract::Path;
use crate::gate::Call;
use crate::l10n::Locale;
use crate::problem::Problem;
use crate::storefront::paper::document_sheet;
use crate::storefront::places::country_name;
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::OrderId;
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::{Order, PAPERS};

fn seller(call: &Call) -> Result<Vec<String>, Problem> {
    let tenant = &call.shop()?.tenant;
    let mut lines = vec![tenant.profile.value.name.to_string()];
    if let Some(legal) = &tenant.legal.value {
        if legal.name != tenant.profile.value.name {
            lines.push(legal.name.to_string());
        }
        lines.extend(legal.address.iter().map(ToString::to_string));
        lines.push(country_name(&legal.country, Locale::EN_GB).to_owned());
        lines.extend(legal.registration.iter().map(|number| format!("Registration {number}")));
        lines.extend(legal.tax_id.iter().map(|number| format!("Tax number {number}")));
        lines.extend([&legal.email, &legal.phone].into_iter().flatten().map(ToString::to_string));
    }
    Ok(lines)
}

fn common(call: &Call, order: &Order, words: &Words, title: &str) -> Result<Sheet, Problem> {
    let opened = open_order(call, order);
    let erased = || vec!["Erased".to_owned()];
    let shipping = opened.shipping.as_ref().map_or_else(erased, address_lines);
    let mut addresses = vec![("Ship to".to_owned(), shipping)];
    if order.billing_address.is_some() {
        addresses.push(("Bill to".to_owned(), opened.billing.as_ref().map_or_else(erased, address_lines)));
    }
    Ok(Sheet {
        title: format!("{title} {}", order.number),
        back: path_of(order),
        seller: seller(call)?,
        addresses,
        facts: vec![
            ("Order".to_owned(), order.number.clone()),
            ("Placed".to_owned(), words.day(order.placed_at)),
            ("Delivery".to_owned(), order.shipping.name.clone()),
        ],
        notes: opened.note.map(|note| format!("Note from the customer: {note}")).into_iter().collect(),
        ..Sheet::default()
    })
}

pub async fn packing_slip_page(visit: Visit, Path(id): Path<OrderId>) -> Result<Response, Problem> {
    let order = order(&visit.call, id)?;
    Ok(Html(packing_slip(&visit.call, &order)?.render()).into_response())
}

/// What goes into the parcel: no prices.
pub fn packing_slip(call: &Call, order: &Order) -> Result<Sheet, Problem> {
    let mut sheet = common(call, order, &words(call)?, "Packing slip")?;
    sheet.columns = vec![Column::new("Product"), Column::number("Ordered"), Column::number("To pack")];
    sheet.rows = order
        .lines
        .iter()
        .map(|line| {
            vec![
                (line.name.clone(), beneath(line)),
                (line.quantities.ordered.to_string(), String::new()),
                (line.quantities.open().to_string(), String::new()),
            ]
        })
        .collect();
    Ok(sheet)
}

/// A numbered paper, as the customer sees it too.
pub async fn document_page(
    visit: Visit,
    Path((id, number)): Path<(OrderId, String)>,
) -> Result<Response, Problem> {
    let order = order(&visit.call, id)?;
    let sheet = document_sheet(&visit.call, &order, &number, Locale::EN_GB, path_of(&order))?;
    Ok(Html(sheet.render()).into_response())
}

/// The order's invoice; before it has one, what the invoice will say, and not called one.
pub async fn invoice_page(visit: Visit, Path(id): Path<OrderId>) -> Result<Response, Problem> {
    let order = order(&visit.call, id)?;
    let papers = visit.call.read(GroupKind::Region, |view| PAPERS.get(view, &id));
    if let Some(invoice) = papers.as_ref().and_then(|papers| papers.invoice()) {
        let number = invoice.number.to_string();
        let sheet = document_sheet(&visit.call, &order, &number, Locale::EN_GB, path_of(&order))?;
        return Ok(Html(sheet.render()).into_response());
    }
    let words = words(&visit.call)?;
    let money = |minor| words.money(minor, order.currency);
    let mut sheet = common(&visit.call, &order, &words, "Pro forma")?;
    sheet.columns = vec![
        Column::new("Product"),
        Column::number("Pieces"),
        Column::number("Price"),
        Column::number("Tax"),
        Column::number("Sum"),
    ];
    sheet.rows = order
        .lines
        .iter()
        .map(|line| {
            vec![
                (line.name.clone(), beneath(line)),
                (line.quantities.ordered.to_string(), String::new()),
                (money(line.unit_price), String::new()),
                (
                    money(line.tax),
                    line.tax_lines.iter().map(|tax| tax.name.as_str()).collect::<Vec<_>>().join(", "),
                ),
                (money(line.subtotal), String::new()),
            ]
        })
        .collect();
    sheet.sums = sums(&order, &words);
    let paid = order.paid.captured - order.paid.refunded;
    let by: Vec<String> =
        payments_of(&visit.call, id).iter().map(|payment| provider_words(&payment.provider)).collect();
    sheet.facts.push(("Paid".to_owned(), money(paid)));
    if !by.is_empty() {
        sheet.facts.push(("By".to_owned(), by.join(", ")));
    }
    if order.amount_due() > 0 {
        sheet.notes.push(format!("Still to pay: {}", money(order.amount_due())));
    }
    Ok(Html(sheet.render()).into_response())
}
