//! Tokens that certify themselves: keyed hashes of what they open, so that nothing is stored for them
//! and a repeated request can be given the same token again.

use gearify_commerce::intent::Market;
use gearify_commerce::{CartId, Country, Currency, Locale, OrderId, SessionId, TenantId, Vault, ids};

/// The token of a cart, with the market it was started in: an empty cart is stored nowhere else.
/// Form: `{hash}.{country}.{currency}.{locale}`.
pub fn cart_token(vault: &dyn Vault, tenant: TenantId, cart: CartId, market: &Market) -> String {
    let hash = cart_hash(vault, tenant, cart, market);
    format!("{hash}.{}.{}.{}", market.country, market.currency, market.locale)
}

/// The market of a cart, if the token is the cart's.
pub fn read_cart_token(vault: &dyn Vault, tenant: TenantId, cart: CartId, token: &str) -> Option<Market> {
    let mut parts = token.split('.');
    let (hash, country, currency, locale) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let market = Market {
        country: Country::parse(country).ok()?,
        currency: Currency::parse(currency).ok()?,
        locale: Locale::parse(locale).ok()?,
    };
    let ours = parts.next().is_none() && same_secret(&cart_hash(vault, tenant, cart, &market), hash);
    ours.then_some(market)
}

fn cart_hash(vault: &dyn Vault, tenant: TenantId, cart: CartId, market: &Market) -> String {
    let text = format!("{cart}.{}.{}.{}", market.country, market.currency, market.locale);
    keyed(vault, tenant, "cart-token", text.as_bytes())
}

/// The token that opens one order, for guests.
pub fn order_token(vault: &dyn Vault, tenant: TenantId, order: OrderId) -> String {
    keyed(vault, tenant, "order-token", &order.bits().to_be_bytes())
}

/// The secret half of a browser session's cookie.
pub fn session_secret(vault: &dyn Vault, tenant: TenantId, session: SessionId) -> String {
    keyed(vault, tenant, "session", &session.bits().to_be_bytes())
}

/// What a form of this visitor carries, so that another site can't send it. `visitor` is the session
/// or cart the cookie names.
pub fn form_token(vault: &dyn Vault, tenant: TenantId, visitor: &str) -> String {
    keyed(vault, tenant, "form", visitor.as_bytes())
}

fn keyed(vault: &dyn Vault, tenant: TenantId, purpose: &str, value: &[u8]) -> String {
    ids::encode_base32(u128::from_be_bytes(vault.hash(tenant, purpose, value)))
}

/// Compares without telling by time where two secrets differ: their hashes are compared.
pub fn same_secret(ours: &str, theirs: &str) -> bool {
    blake3::hash(ours.as_bytes()) == blake3::hash(theirs.as_bytes())
}
