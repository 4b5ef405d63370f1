//! The visitor's cart as pages find it: by the cookie, else by the login.

use super::visit::Visit;
use crate::api::carts::{CartToken, Held, cart_of_customer, hold, market_of};
use crate::auth::{Cookie, cart_token};
use crate::problem::Problem;
use gearify_commerce::cart::CartStatus;
use gearify_commerce::command::GroupKind;
use gearify_commerce::{CartId, ids};
use http::HeaderValue;

/// The open cart the visitor holds, if there is one.
pub fn held(visit: &Visit) -> Option<Held> {
    by_cookie(visit).or_else(|| by_login(visit))
}

fn by_cookie(visit: &Visit) -> Option<Held> {
    let (id, token) = visit.cookie(Cookie::Cart)?.split_once('~')?;
    let id = CartId::parse(id).ok()?;
    let held = hold(&visit.call, id, CartToken::new(Some(token.to_owned()))).ok()?;
    let over = |held: &Held| {
        held.stored
            .as_ref()
            .is_some_and(|cart| cart.status != CartStatus::Open || cart.expires_at <= visit.call.now())
    };
    (!over(&held)).then_some(held)
}

fn by_login(visit: &Visit) -> Option<Held> {
    let customer = visit.call.caller().customer()?;
    let cart = visit.call.read(GroupKind::Region, |view| cart_of_customer(view, customer))?;
    let market = market_of(&cart);
    let token = cart_token(visit.call.vault(), visit.shop.id(), cart.id, &market);
    Some(Held { id: cart.id, market, token, stored: Some(cart) })
}

/// A cart for the first line: nothing is stored yet.
pub fn begin(visit: &Visit) -> Held {
    let market = visit.cart_market();
    let id = CartId::from_bits(ids::uuid_v7(visit.call.now(), rand::random()));
    let token = cart_token(visit.call.vault(), visit.shop.id(), id, &market);
    Held { id, market, token, stored: None }
}

/// The cart with something in it.
///
/// # Errors
/// `cart-empty` if there is none.
pub fn filled(visit: &Visit) -> Result<Held, Problem> {
    let held = held(visit).filter(|held| held.stored.as_ref().is_some_and(|cart| !cart.lines.is_empty()));
    held.ok_or_else(|| Problem::new(crate::problem::Kind::CartEmpty))
}

pub fn piece_count(visit: &Visit) -> u64 {
    let lines = held(visit).and_then(|held| held.stored).map(|cart| cart.lines).unwrap_or_default();
    lines.iter().map(|line| u64::from(line.quantity)).sum()
}

/// The cookie that lets the visitor find the cart again.
pub fn cookie(visit: &Visit, held: &Held) -> HeaderValue {
    let lifetimes = visit.settings().lifetimes;
    let owned = visit.call.caller().customer().is_some();
    let lifetime_ms = if owned { lifetimes.customer_cart_ms } else { lifetimes.anonymous_cart_ms };
    Cookie::Cart.set(&format!("{}~{}", held.id, held.token), lifetime_ms / 1_000)
}
