//! Words for the enums of the views.

use super::checkout::CheckoutStep;
use super::order::OrderHeadline;
use super::parts::Availability;
use super::product::TaxNote;
use crate::l10n::{Locale, Text};

impl Text {
    pub fn availability(self, availability: Availability) -> String {
        match availability {
            Availability::InStock => self.stock_in().to_owned(),
            Availability::LowStock { left: Some(left) } => self.stock_left(u64::from(left)),
            Availability::LowStock { left: None } => self.stock_low().to_owned(),
            Availability::Backorder => self.stock_backorder().to_owned(),
            Availability::Preorder { from: Some(day) } => self.stock_preorder_from(self.locale().date(day)),
            Availability::Preorder { from: None } => self.stock_preorder().to_owned(),
            Availability::OutOfStock => self.stock_out().to_owned(),
        }
    }

    /// A number of things, grouped.
    pub fn count(self, count: u64) -> String {
        self.locale().integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// "including VAT", with the name the tax has in the country; empty if there is nothing to say.
    pub fn tax_note(self, note: TaxNote) -> String {
        let name = tax_name(self.locale());
        match note {
            TaxNote::Included => self.price_with_tax(name),
            TaxNote::Excluded => self.price_without_tax(name),
            TaxNote::Silent => String::new(),
        }
    }

    pub fn checkout_step(self, step: CheckoutStep) -> &'static str {
        match step {
            CheckoutStep::Contact => self.step_contact(),
            CheckoutStep::Delivery => self.step_delivery(),
            CheckoutStep::Payment => self.step_payment(),
            CheckoutStep::Review => self.step_review(),
        }
    }

    pub fn order_headline(self, headline: OrderHeadline) -> &'static str {
        match headline {
            OrderHeadline::Thanks => self.order_thanks(),
            OrderHeadline::PaymentPending => self.order_pending(),
            OrderHeadline::PaymentFailed { .. } => self.order_failed(),
            OrderHeadline::AwaitingManualPayment => self.order_awaiting(),
            OrderHeadline::InProgress => self.order_in_progress(),
            OrderHeadline::Shipped => self.order_shipped(),
            OrderHeadline::Delivered => self.order_delivered(),
            OrderHeadline::Cancelled => self.order_cancelled(),
            OrderHeadline::Expired => self.order_expired(),
        }
    }

    /// The sentence under the headline.
    pub fn order_explanation(self, headline: OrderHeadline, contact: &str) -> String {
        match headline {
            OrderHeadline::Thanks => self.order_thanks_text(contact),
            OrderHeadline::PaymentPending => self.order_pending_text().to_owned(),
            OrderHeadline::PaymentFailed { held_until: Some(until) } => {
                self.order_failed_text_until(self.locale().time(until))
            }
            OrderHeadline::PaymentFailed { held_until: None } => self.order_failed_text().to_owned(),
            OrderHeadline::AwaitingManualPayment => self.order_awaiting_text().to_owned(),
            OrderHeadline::InProgress => self.order_in_progress_text().to_owned(),
            OrderHeadline::Shipped => self.order_shipped_text().to_owned(),
            OrderHeadline::Delivered => self.order_delivered_text().to_owned(),
            OrderHeadline::Cancelled => self.order_cancelled_text().to_owned(),
            OrderHeadline::Expired => self.order_expired_text().to_owned(),
        }
    }

    /// Title and text of a failure, by its status.
    pub fn problem(self, status: u16) -> (&'static str, &'static str) {
        match status {
            401 | 403 => (self.problem_forbidden(), self.problem_forbidden_text()),
            404 | 410 => (self.problem_not_found(), self.problem_not_found_text()),
            409 | 412 => (self.problem_conflict(), self.problem_conflict_text()),
            429 => (self.problem_busy(), self.problem_busy_text()),
            503 | 504 => (self.problem_unavailable(), self.problem_unavailable_text()),
            400..=499 => (self.problem_request(), self.problem_request_text()),
            _ => (self.problem_internal(), self.problem_internal_text()),
        }
    }
}

/// What shoppers call the tax on a price.
fn tax_name(locale: Locale) -> &'static str {
    match locale.country() {
        "IN" | "AU" | "NZ" | "SG" => "GST",
        "US" | "CA" => "tax",
        _ => "VAT",
    }
}
