//! Tax invoices and credit notes: numbered papers about an order, kept as they were issued.
//!
//! An invoice is issued when its order is confirmed, which is when it is paid: an order that comes to nothing has
//! none. A credit note is issued when a refund of the order's parts has arrived, and when an invoiced order is
//! cancelled, then for all that is not credited yet. Money that was paid twice is no part of the price: it goes
//! back without a paper.
//!
//! Invariants: the numbers of a series, which is a legal entity's invoices or its credit notes in one site, are 1,
//! 2, 3 … without gaps and without repeats, since a number is given in the entry that issues its paper. What is
//! credited never exceeds what was invoiced, tax by tax; all of it together is exactly that.
//! Orders placed before state version 8 do not know who sold them and have no papers.

use super::apply::{known, reply};
use super::command::Event;
use super::error::Refusal;
use super::model::{Order, OrderStatus, RefundItem, RefundState, TaxLine};
use crate::command::Reply;
use crate::ids::{OrderId, RefundId};
use crate::locale::Country;
use crate::scope::{Scope, Table};
use crate::tenants::Tenant;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Who sells, as it stood when the order was placed: public business data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    pub name: String,
    pub address: Vec<String>,
    /// `None` while the shop has not said which legal entity it is.
    pub country: Option<Country>,
    pub registration: Option<String>,
    pub tax_id: Option<String>,
}

impl Seller {
    pub fn of(shop: &Tenant) -> Seller {
        let text = |name: &crate::text::Name| name.as_str().to_owned();
        match &shop.legal.value {
            Some(legal) => Seller {
                name: text(&legal.name),
                address: legal.address.iter().map(text).collect(),
                country: Some(legal.country.clone()),
                registration: legal.registration.as_ref().map(text),
                tax_id: legal.tax_id.as_ref().map(text),
            },
            None => Seller {
                name: text(&shop.profile.value.name),
                address: Vec::new(),
                country: None,
                registration: None,
                tax_id: None,
            },
        }
    }

    /// Names the legal entity: by what it is registered under, else by its name. Another address is no other entity.
    fn entity(&self) -> String {
        let Some(country) = &self.country else { return String::new() };
        let known_by = [&self.tax_id, &self.registration].into_iter().flatten().next().unwrap_or(&self.name);
        let plain = known_by.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_uppercase);
        format!("{country} {}", plain.collect::<String>())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DocumentKind {
    Invoice,
    CreditNote,
}

impl DocumentKind {
    pub fn as_str(self) -> &'static str {
        match self {
            DocumentKind::Invoice => "invoice",
            DocumentKind::CreditNote => "credit_note",
        }
    }
}

/// Names a paper among all of its site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DocumentNumber {
    pub kind: DocumentKind,
    /// Which of the shop's legal entities, in the order in which they came: 1 is the first.
    pub entity: u32,
    pub serial: u64,
}

/// `INV-000042`, `CN-000007`; of a second legal entity `INV-2-000001`. At most 16 characters below a thousand million
/// papers: the longest that India's rules allow.
impl std::fmt::Display for DocumentNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let series = match self.kind {
            DocumentKind::Invoice => "INV",
            DocumentKind::CreditNote => "CN",
        };
        match self.entity {
            1 => write!(f, "{series}-{:06}", self.serial),
            entity => write!(f, "{series}-{entity}-{:06}", self.serial),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub number: DocumentNumber,
    pub issued_at: Timestamp,
    /// The order's when the paper was issued.
    pub order_revision: u64,
    /// With taxes, in the order's currency; of a credit note what is credited, which is positive too.
    pub amount: i64,
    /// One line per tax.
    pub taxes: Vec<TaxLine>,
    /// Of a credit note: the refund that it is for.
    pub refund: Option<RefundId>,
    /// Of a credit note: what for. Empty: all that was not credited yet.
    pub items: Vec<RefundItem>,
}

/// An order's papers, and who issues them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Papers {
    pub seller: Seller,
    /// In the order in which they were issued.
    pub documents: Vec<Document>,
}
gearify_storage::first_version!(Papers);

impl Papers {
    pub fn invoice(&self) -> Option<&Document> {
        self.documents.iter().find(|document| document.number.kind == DocumentKind::Invoice)
    }

    pub fn credit_notes(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(|document| document.number.kind == DocumentKind::CreditNote)
    }

    /// By its number as it is written.
    pub fn find(&self, number: &str) -> Option<&Document> {
        self.documents.iter().find(|document| document.number.to_string() == number)
    }
}

/// The last numbers that a legal entity gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// As in [`DocumentNumber::entity`].
    pub entity: u32,
    pub invoices: u64,
    pub credit_notes: u64,
}
gearify_storage::first_version!(Series);

pub const PAPERS: Table<OrderId, Papers> = Table::new(106);
/// By legal entity.
pub const SERIES: Table<str, Series> = Table::new(107);

/// Remembers who sells an order: its papers are that entity's.
pub fn sold_by(scope: &mut Scope<'_, '_>, order: OrderId, seller: &Seller) {
    PAPERS.put(scope, &order, &Papers { seller: seller.clone(), documents: Vec::new() });
}

pub(super) fn issue_invoice(scope: &mut Scope<'_, '_>, id: OrderId) -> Result<Reply, Refusal> {
    let order = known(scope, id)?;
    let papers = PAPERS.get(scope, &id).ok_or(Refusal::NothingToIssue)?;
    let amount = order.totals.total;
    // What costs nothing needs no invoice.
    if papers.invoice().is_some() || amount <= 0 {
        return Err(Refusal::NothingToIssue);
    }
    let taxes = order.lines.iter().flat_map(|line| &line.tax_lines).chain(&order.shipping.tax_lines);
    let taxes = merged(taxes.cloned());
    Ok(issue(scope, &order, papers, DocumentKind::Invoice, Content { amount, taxes, ..Content::default() }))
}

/// `refund`: which one arrived; `None`: the order was cancelled.
pub(super) fn issue_credit_note(
    scope: &mut Scope<'_, '_>,
    id: OrderId,
    refund: Option<RefundId>,
) -> Result<Reply, Refusal> {
    let order = known(scope, id)?;
    let papers = PAPERS.get(scope, &id).ok_or(Refusal::NothingToIssue)?;
    let invoice = papers.invoice().ok_or(Refusal::NothingToIssue)?;
    let left = invoice.amount - papers.credit_notes().map(|note| note.amount).sum::<i64>();
    let (amount, items) = match refund {
        None if order.status == OrderStatus::Cancelled => (left, Vec::new()),
        None => return Err(Refusal::NothingToIssue),
        Some(refund) => {
            let arrived = |known: &&super::OrderRefund| {
                known.id == refund && known.state == RefundState::Succeeded && !known.items.is_empty()
            };
            let refund = order.refunds.iter().find(arrived).ok_or(Refusal::NothingToIssue)?;
            (refund.amount.min(left), refund.items.clone())
        }
    };
    if amount <= 0 {
        return Err(Refusal::NothingToIssue);
    }
    let rest = taxes_left(&papers, invoice);
    let taxes = if amount == left { rest } else { capped(taxes_of(&order, invoice, &items), &rest) };
    let content = Content { amount, taxes, refund, items };
    Ok(issue(scope, &order, papers, DocumentKind::CreditNote, content))
}

#[derive(Default)]
struct Content {
    amount: i64,
    taxes: Vec<TaxLine>,
    refund: Option<RefundId>,
    items: Vec<RefundItem>,
}

fn issue(
    scope: &mut Scope<'_, '_>,
    order: &Order,
    mut papers: Papers,
    kind: DocumentKind,
    content: Content,
) -> Reply {
    let number = next_number(scope, kind, &papers.seller);
    let Content { amount, taxes, refund, items } = content;
    let (issued_at, order_revision) = (scope.at(), order.revision);
    papers.documents.push(Document { number, issued_at, order_revision, amount, taxes, refund, items });
    PAPERS.put(scope, &order.id, &papers);
    let currency = order.currency;
    scope.emit(Event::DocumentIssued { order: order.id, number, amount, currency, refund });
    reply(scope, order.id)
}

/// Legal entities of one shop; far more than any has had.
const ENTITIES_MAX: usize = 1_000;

pub(super) fn next_number(scope: &mut Scope<'_, '_>, kind: DocumentKind, seller: &Seller) -> DocumentNumber {
    let entity = seller.entity();
    let mut series = SERIES.get(scope, &entity).unwrap_or_else(|| Series {
        entity: SERIES.list(scope, &(), ENTITIES_MAX).len() as u32 + 1,
        ..Series::default()
    });
    let last = match kind {
        DocumentKind::Invoice => &mut series.invoices,
        DocumentKind::CreditNote => &mut series.credit_notes,
    };
    *last += 1;
    let serial = *last;
    SERIES.put(scope, &entity, &series);
    DocumentNumber { kind, entity: series.entity, serial }
}

fn same(one: &TaxLine, other: &TaxLine) -> bool {
    let key = |tax: &TaxLine| (tax.code.clone(), tax.jurisdiction.clone(), tax.rate_ppm, tax.included);
    key(one) == key(other)
}

fn merged(taxes: impl Iterator<Item = TaxLine>) -> Vec<TaxLine> {
    let mut merged: Vec<TaxLine> = Vec::new();
    for tax in taxes {
        match merged.iter_mut().find(|known| same(known, &tax)) {
            Some(known) => {
                known.taxable += tax.taxable;
                known.amount += tax.amount;
            }
            None => merged.push(tax),
        }
    }
    merged
}

/// What of the invoice's taxes no credit note has taken back.
fn taxes_left(papers: &Papers, invoice: &Document) -> Vec<TaxLine> {
    let mut left = invoice.taxes.clone();
    for credited in papers.credit_notes().flat_map(|note| &note.taxes) {
        if let Some(tax) = left.iter_mut().find(|tax| same(tax, credited)) {
            tax.taxable -= credited.taxable;
            tax.amount -= credited.amount;
        }
    }
    left
}

/// The taxes within a refund's items: of a line and of the delivery their own, of goodwill the order's mixture.
fn taxes_of(order: &Order, invoice: &Document, items: &[RefundItem]) -> Vec<TaxLine> {
    let of_item = |item: &RefundItem| -> Vec<TaxLine> {
        let (taxes, whole): (&[TaxLine], i64) = match item {
            RefundItem::Line { line, .. } => match order.line(*line) {
                Some(line) => (&line.tax_lines, line.total),
                None => return Vec::new(),
            },
            RefundItem::Shipping { .. } => (&order.shipping.tax_lines, order.shipping.total),
            RefundItem::Goodwill { .. } => (&invoice.taxes, invoice.amount),
        };
        let share = |of: i64| part(of, item.amount(), whole);
        let share =
            |tax: &TaxLine| TaxLine { taxable: share(tax.taxable), amount: share(tax.amount), ..tax.clone() };
        taxes.iter().map(share).collect()
    };
    merged(items.iter().flat_map(of_item))
}

/// No more of a tax than is left of it.
fn capped(taxes: Vec<TaxLine>, left: &[TaxLine]) -> Vec<TaxLine> {
    let cap = |tax: TaxLine| {
        let left = left.iter().find(|left| same(left, &tax))?;
        let (taxable, amount) = (tax.taxable.min(left.taxable), tax.amount.min(left.amount));
        Some(TaxLine { taxable, amount, ..tax })
    };
    taxes.into_iter().filter_map(cap).collect()
}

/// `of × share / whole`, half up; nothing of nothing.
fn part(of: i64, share: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    let (of, share, whole) = (i128::from(of), i128::from(share.min(whole)), i128::from(whole));
    ((2 * of * share + whole) / (2 * whole)) as i64
}
