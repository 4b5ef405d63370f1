//! Why an order was cancelled or money given back.
//!
//! What a person writes there may name people, so since state version 8 it is sealed under the order's person and
//! kept beside the order; the order itself and its events hold the system's own words only. Words of earlier times
//! stand where they stood and are read like the others.

use super::model::{Order, OrderRefund};
use crate::ids::{OrderId, RefundId};
use crate::scope::{Scope, Table, View};
use crate::sealed::{PersonRef, Sealed, Vault, open};
use serde::{Deserialize, Serialize};

/// What the system says where a customer cancels without a word.
pub const BY_CUSTOMER: &str = "by the customer";
/// Characters of a reason.
pub const REASON_CHARS_MAX: usize = 500;
/// Bytes of a sealed one, at four a character.
pub(super) const SEALED_BYTES_MAX: usize = 4 * REASON_CHARS_MAX + 128;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Why {
    /// Words of the system, which name nobody.
    Words(String),
    /// A person's words.
    Sealed { person: PersonRef, text: Sealed<String> },
    /// Nothing can be kept: the order's person was erased.
    Untold,
}

impl Why {
    /// What stands in the order itself.
    pub(super) fn words(&self) -> Option<&str> {
        match self {
            Why::Words(words) => Some(words),
            Why::Sealed { .. } | Why::Untold => None,
        }
    }

    pub(super) fn is_too_long(&self) -> bool {
        match self {
            Why::Words(words) => words.chars().count() > REASON_CHARS_MAX,
            Why::Sealed { text, .. } => text.stored_bytes() > SEALED_BYTES_MAX,
            Why::Untold => false,
        }
    }

    /// Keeps a person's words.
    pub(super) fn keep(&self, scope: &mut Scope<'_, '_>, order: OrderId, of: About) {
        if let Why::Sealed { person, text } = self {
            person.remember(scope);
            REASONS.put(scope, &(order, of.key()), &SealedReason(text.clone()));
        }
    }
}

/// What is given a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Cancelling,
    Refund(RefundId),
}

impl About {
    fn key(self) -> u128 {
        match self {
            About::Cancelling => 0,
            About::Refund(refund) => refund.bits(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedReason(pub Sealed<String>);
gearify_storage::first_version!(SealedReason);

/// By order and refund; 0 stands for the cancelling.
pub const REASONS: Table<(OrderId, u128), SealedReason> = Table::new(108);

fn opened(view: &(impl View + ?Sized), vault: &dyn Vault, order: OrderId, about: About) -> Option<String> {
    let SealedReason(text) = REASONS.get(view, &(order, about.key()))?;
    open(view, vault, &text).ok()
}

/// Why an order was cancelled, if it was, and if that can still be read.
pub fn why_cancelled(view: &(impl View + ?Sized), vault: &dyn Vault, order: &Order) -> Option<String> {
    if order.status != super::OrderStatus::Cancelled {
        return None;
    }
    let words = order.cancel_reason.clone();
    words.or_else(|| opened(view, vault, order.id, About::Cancelling))
}

/// Why money was given back; empty where that can't be read any more.
pub fn why_refunded(
    view: &(impl View + ?Sized),
    vault: &dyn Vault,
    order: OrderId,
    refund: &OrderRefund,
) -> String {
    if !refund.reason.is_empty() {
        return refund.reason.clone();
    }
    opened(view, vault, order, About::Refund(refund.id)).unwrap_or_default()
}
