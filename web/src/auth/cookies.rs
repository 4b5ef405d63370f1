//! Cookies: all of ours are `__Host-`, so that no other host can set or see them.

use http::{HeaderMap, HeaderValue, header};

/// Names of our cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// A guest's or customer's cart: `{id}~{token}`.
    Cart,
    /// A customer's session: `{id}~{secret}`.
    Customer,
    /// A staff member's or operator's session: `{id}~{secret}`.
    Staff,
    /// Where the browser's last write landed.
    Position,
    /// The chosen language.
    Locale,
}

impl Cookie {
    pub fn name(self) -> &'static str {
        match self {
            Cookie::Cart => "__Host-cart",
            Cookie::Customer => "__Host-session",
            Cookie::Staff => "__Host-staff",
            Cookie::Position => "__Host-position",
            Cookie::Locale => "__Host-locale",
        }
    }

    /// The header that sets it for so many seconds. Browsers treat plain HTTP on localhost as secure.
    pub fn set(self, value: &str, seconds: i64) -> HeaderValue {
        let name = self.name();
        let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
        HeaderValue::try_from(text).unwrap_or_else(|_| self.clear())
    }

    pub fn clear(self) -> HeaderValue {
        let text = format!("{}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0", self.name());
        HeaderValue::try_from(text).expect("cookie names are plain ASCII")
    }
}

/// The value of a cookie as the browser sent it.
pub fn cookie_value(headers: &HeaderMap, cookie: Cookie) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == cookie.name()).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; __Host-cart=x~y;b=2"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-locale=hi-IN"));
        assert_eq!(cookie_value(&headers, Cookie::Cart), Some("x~y"));
        assert_eq!(cookie_value(&headers, Cookie::Locale), Some("hi-IN"));
        assert_eq!(cookie_value(&headers, Cookie::Staff), None);
    }
}
