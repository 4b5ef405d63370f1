//! What the page before wants said: a word in the address, from a closed list.

use super::view::parts::{Notice, Tone};
use super::visit::Visit;

/// Named in `?note=`; nothing that is not listed is ever said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    OutOfStock,
    NotForSale,
    CartExpired,
    CartChanged,
    DeliveryGone,
    Saved,
    AddressSaved,
    AddressRemoved,
    SignedOut,
    OrderCancelled,
    TooLateToCancel,
    PaymentRunning,
    PasswordChanged,
    ResetSent,
    EmailVerified,
    VerifySent,
}

const ALL: [Note; 16] = [
    Note::OutOfStock,
    Note::NotForSale,
    Note::CartExpired,
    Note::CartChanged,
    Note::DeliveryGone,
    Note::Saved,
    Note::AddressSaved,
    Note::AddressRemoved,
    Note::SignedOut,
    Note::OrderCancelled,
    Note::TooLateToCancel,
    Note::PaymentRunning,
    Note::PasswordChanged,
    Note::ResetSent,
    Note::EmailVerified,
    Note::VerifySent,
];

impl Note {
    fn name(self) -> &'static str {
        match self {
            Note::OutOfStock => "out-of-stock",
            Note::NotForSale => "not-for-sale",
            Note::CartExpired => "cart-expired",
            Note::CartChanged => "cart-changed",
            Note::DeliveryGone => "delivery-gone",
            Note::Saved => "saved",
            Note::AddressSaved => "address-saved",
            Note::AddressRemoved => "address-removed",
            Note::SignedOut => "signed-out",
            Note::OrderCancelled => "order-cancelled",
            Note::TooLateToCancel => "too-late-to-cancel",
            Note::PaymentRunning => "payment-running",
            Note::PasswordChanged => "password-changed",
            Note::ResetSent => "reset-sent",
            Note::EmailVerified => "email-verified",
            Note::VerifySent => "verify-sent",
        }
    }

    /// A path of the shop with this note for the page there.
    pub fn on(self, path: &str) -> String {
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}note={}", self.name())
    }

    /// The note in the address, if there is one.
    pub fn of(visit: &Visit) -> Option<Note> {
        let name = visit.parameter("note")?;
        ALL.into_iter().find(|note| note.name() == name)
    }

    pub fn notice(self, visit: &Visit) -> Notice {
        let t = visit.text();
        let (tone, text) = match self {
            Note::OutOfStock => (Tone::Problem, t.note_out_of_stock()),
            Note::NotForSale => (Tone::Problem, t.note_not_for_sale()),
            Note::CartExpired => (Tone::Information, t.note_cart_expired()),
            Note::CartChanged => (Tone::Information, t.note_cart_changed()),
            Note::DeliveryGone => (Tone::Problem, t.note_delivery_gone()),
            Note::Saved => (Tone::Done, t.note_saved()),
            Note::AddressSaved => (Tone::Done, t.note_address_saved()),
            Note::AddressRemoved => (Tone::Done, t.note_address_removed()),
            Note::SignedOut => (Tone::Done, t.note_signed_out()),
            Note::OrderCancelled => (Tone::Done, t.note_order_cancelled()),
            Note::TooLateToCancel => (Tone::Problem, t.note_too_late_to_cancel()),
            Note::PaymentRunning => (Tone::Information, t.note_payment_running()),
            Note::PasswordChanged => (Tone::Done, t.note_password_changed()),
            Note::ResetSent => (Tone::Information, t.note_reset_sent()),
            Note::EmailVerified => (Tone::Done, t.note_email_verified()),
            Note::VerifySent => (Tone::Information, t.note_verify_sent()),
        };
        Notice { tone, text: text.to_owned(), link: None }
    }
}

/// The notice for the page that was asked for.
pub fn notice(visit: &Visit) -> Option<Notice> {
    Note::of(visit).map(|note| note.notice(visit))
}
