//! Numbers that stand for states in `lists.db`. They are part of its schema.

use gearify_commerce::catalog::ProductStatus;
use gearify_commerce::orders::{FulfillmentStatus, OrderStatus, PaymentStatus};
use gearify_commerce::payments::PaymentState;

/// A state with a number: its place in `ALL`.
pub trait Coded: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    fn code(self) -> i64 {
        Self::ALL.iter().position(|known| *known == self).expect("every state has a number") as i64
    }

    fn from_code(code: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }
}

macro_rules! codes {
    ($($state:ident: $($name:ident),+;)+) => {$(
        impl Coded for $state {
            const ALL: &'static [Self] = &[$($state::$name),+];
        }
    )+};
}

codes! {
    OrderStatus: Placed, Confirmed, Completed, Cancelled, Expired;
    PaymentStatus: Unpaid, Pending, Authorised, PartiallyPaid, Paid, PartiallyRefunded, Refunded;
    FulfillmentStatus: Unfulfilled, Partial, Fulfilled, Delivered;
    PaymentState: Pending, Authorised, PartiallyCaptured, Captured, Voided, Failed;
    ProductStatus: Draft, Active, Archived;
}

pub const ORDER_SKU: i64 = 1;
pub const ORDER_EMAIL: i64 = 2;
pub const ORDER_NAME: i64 = 3;
pub const CUSTOMER_EMAIL: i64 = 4;
pub const CUSTOMER_NAME: i64 = 5;
pub const PRODUCT_SKU: i64 = 6;
pub const PRODUCT_WORD: i64 = 7;

pub const PRODUCT_TYPE: i64 = 1;
pub const PRODUCT_CATEGORY: i64 = 2;
pub const PRODUCT_BRAND: i64 = 3;
