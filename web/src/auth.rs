//! Who is asking: passwords, access tokens, browser sessions.

mod cookies;
mod keys;
mod passwords;
mod secrets;
mod tokens;

pub use cookies::{Cookie, cookie_value};
pub use keys::{Keys, KeysError, SigningKey, StaticKeys};
pub use passwords::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, Passwords, check_password};
pub use secrets::{cart_token, form_token, order_token, read_cart_token, same_secret, session_secret};
pub use tokens::{Claims, TOKEN_SECONDS, TokenError, Tokens};
