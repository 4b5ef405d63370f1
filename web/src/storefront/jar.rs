//! Cookies of the checkout: the orders a guest may see, the way to pay that was chosen.

use super::visit::Visit;
use crate::auth::order_token;
use gearify_commerce::OrderId;
use http::{HeaderMap, HeaderValue, header};

const ORDERS: &str = "__Host-orders";
const PAYMENT: &str = "__Host-payment";
/// Orders one browser remembers.
const ORDERS_MAX: usize = 5;
const ORDERS_SECONDS: i64 = 60 * 86_400;
/// As long as somebody may think about the review.
const PAYMENT_SECONDS: i64 = 3_600;

fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(known, value)| (known == name && !value.is_empty()).then_some(value))
}

fn set(name: &str, value: &str, seconds: i64) -> HeaderValue {
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("none=; Max-Age=0"))
}

/// The token of an order in this browser.
pub fn token_of(visit: &Visit, order: OrderId) -> Option<String> {
    let wanted = order.to_string();
    let orders = value(&visit.headers, ORDERS)?.split('.').filter_map(|one| one.split_once('~'));
    orders.into_iter().find_map(|(id, token)| (id == wanted).then(|| token.to_owned()))
}

/// Lets this browser see one order more; the oldest is forgotten.
pub fn remember_order(visit: &Visit, order: OrderId) -> HeaderValue {
    let token = order_token(visit.call.vault(), visit.shop.id(), order);
    let own = format!("{order}~{token}");
    let known = value(&visit.headers, ORDERS).unwrap_or_default().split('.');
    let others = known.filter(|one| !one.is_empty() && **one != own).take(ORDERS_MAX - 1);
    let all: Vec<&str> = std::iter::once(own.as_str()).chain(others).collect();
    set(ORDERS, &all.join("."), ORDERS_SECONDS)
}

/// How somebody means to pay: a provider's name and its one-time token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeansToPay {
    pub provider: String,
    pub token: Option<String>,
}

impl MeansToPay {
    pub fn of(visit: &Visit) -> Option<MeansToPay> {
        MeansToPay::read(value(&visit.headers, PAYMENT)?)
    }

    fn read(text: &str) -> Option<MeansToPay> {
        let (provider, token) = text.split_once('.')?;
        let good = |text: &str| {
            text.len() <= 200 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        };
        (good(provider) && good(token)).then(|| MeansToPay {
            provider: provider.to_owned(),
            token: Some(token.to_owned()).filter(|token| !token.is_empty()),
        })
    }

    pub fn cookie(&self) -> HeaderValue {
        let text = format!("{}.{}", self.provider, self.token.as_deref().unwrap_or_default());
        set(PAYMENT, &text, PAYMENT_SECONDS)
    }

    pub fn forget() -> HeaderValue {
        set(PAYMENT, "", 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_to_pay_survive_their_cookie_and_nothing_strange_does() {
        let read = |text: &str| MeansToPay::read(text).map(|means| (means.provider, means.token));
        assert_eq!(read("test.tok_ok"), Some(("test".into(), Some("tok_ok".into()))));
        assert_eq!(read("manual."), Some(("manual".into(), None)));
        assert_eq!(read("manual"), None);
        assert_eq!(read("te<st.x"), None);
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers
            .append(header::COOKIE, HeaderValue::from_static("x__Host-payment=a.b; __Host-payment=manual."));
        assert_eq!(value(&headers, PAYMENT), Some("manual."));
        assert_eq!(value(&headers, ORDERS), None);
    }
}
