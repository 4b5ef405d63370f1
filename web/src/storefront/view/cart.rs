//! The bag: lines, what they cost, where they would go.

use super::parts::{Choice, Link, Notice, Picture};
use crate::l10n::Amount;

#[derive(Debug, Clone)]
pub struct CartPage {
    pub lines: Vec<CartLine>,
    pub totals: Totals,
    /// What changed since the last look: prices, stock, things that left the range.
    pub notices: Vec<Notice>,
    pub destination: Option<DestinationForm>,
    /// False while something has to be put right first.
    pub can_check_out: bool,
    /// Where to go from an empty bag.
    pub suggestions: Vec<Link>,
}

#[derive(Debug, Clone)]
pub struct CartLine {
    pub id: String,
    pub name: String,
    pub href: Option<String>,
    pub picture: Option<Picture>,
    /// "Grade 1 · 2 lb 8 oz · Short handle"; may be empty.
    pub options: String,
    pub sku: String,
    pub quantity: u32,
    pub quantity_max: u32,
    pub unit_price: Amount,
    /// The price before a reduction.
    pub list_price: Option<Amount>,
    pub total: Amount,
    /// Add-ons and the parts of a kit.
    pub components: Vec<CartComponent>,
    /// "Only 2 left", "The price fell by £5".
    pub notices: Vec<String>,
    /// What is wrong with the quantity that was asked for.
    pub error: Option<String>,
}

#[derive(Debug, Clone)]
pub struct CartComponent {
    pub name: String,
    /// None for parts that are in the price.
    pub price: Option<Amount>,
    /// "adds 3 days, cannot be returned"
    pub note: Option<String>,
}

/// The full cost, from the bag to the order.
#[derive(Debug, Clone)]
pub struct Totals {
    pub subtotal: Amount,
    pub discount: Option<Amount>,
    pub shipping: ShippingCost,
    pub taxes: Vec<TaxLine>,
    /// Prices hold the tax already; the lines then say how much of it there is.
    pub tax_included: bool,
    pub total: Amount,
    /// Before an address is known.
    pub estimated: bool,
    pub gift_cards: Option<Amount>,
    /// What is still to pay, if that is not the total.
    pub amount_due: Option<Amount>,
}

impl Totals {
    /// What is still to be paid.
    pub fn to_pay(&self) -> Amount {
        self.amount_due.unwrap_or(self.total)
    }
}

#[derive(Debug, Clone)]
pub enum ShippingCost {
    /// Depends on where it goes.
    Unknown,
    Free,
    Known(Amount),
}

#[derive(Debug, Clone)]
pub struct TaxLine {
    /// "VAT 20 %"
    pub name: String,
    pub amount: Amount,
}

#[derive(Debug, Clone)]
pub struct DestinationForm {
    pub countries: Vec<Choice>,
    pub postal_code: String,
    pub error: Option<String>,
    /// The ways there, once known: "Standard, Tue 25 Nov – Thu 27 Nov" with its price.
    pub estimates: Vec<(String, Amount)>,
}

impl CartPage {
    pub fn piece_count(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.quantity)).sum()
    }
}
