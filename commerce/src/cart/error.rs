//! Refusals of carts: facts, not sentences.

use crate::ids::{CartId, LineId, OrderId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no cart {cart}")]
    UnknownCart { cart: CartId },
    #[error("there is no line {line} in this cart")]
    UnknownLine { line: LineId },
    #[error("there is no such product, or it is not for sale")]
    UnknownVariant,
    #[error("an add-on does not go with this product")]
    UnknownAddOn,
    #[error("there is no such delivery option for this cart")]
    UnknownRate,
    #[error("this cart became an order")]
    AlreadyOrdered { order: OrderId },
    #[error("the cart expired")]
    CartExpired,
    #[error("a line has 1 to {max} pieces")]
    Quantity { max: u32 },
    #[error("a cart has at most {max} lines")]
    TooManyLines { max: u32 },
    #[error("the cart changed meanwhile")]
    Stale,
    #[error("personal data can't be written: it was erased")]
    Erased,
}
