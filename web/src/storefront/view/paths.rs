//! The addresses pages and forms use, without the locale prefix (`Shell::base` is put before them).
//!
//! Handlers mount exactly these; a form's fields are listed with its address. Every POST form also
//! sends `csrf` when [`super::Shell::csrf`] is not empty.

pub const HOME: &str = "/";
/// `GET ?q=&…`: results in the manner of a category.
pub const SEARCH: &str = "/search";
/// `GET ?q=` → `{"data": [{"text", "kind", "slug"}]}`; without the locale prefix.
pub const SUGGESTIONS: &str = "/api/v1/search/suggestions";

/// `GET ?p=&p=…`: products side by side, named by their slugs.
pub const COMPARE: &str = "/compare";

pub const CART: &str = "/cart";
/// `POST product_id, option.<code>…, add_on…, quantity, return_to`: puts a product in the bag.
/// The script sends the same form with `Accept: application/json` and reads `{"count", "message"}`
/// (or a problem document).
pub const CART_LINES: &str = "/cart/lines";
/// `POST country, postal_code`: where an estimate is for.
pub const CART_DESTINATION: &str = "/cart/destination";

/// `GET`, `POST email, phone, name, consent.marketing`
pub const CHECKOUT_CONTACT: &str = "/checkout/contact";
/// `GET`, `POST shipping.*, shipping_option, update` (`update` present: the country was changed or
/// options are asked for; keep what was typed and show the page again).
pub const CHECKOUT_DELIVERY: &str = "/checkout/delivery";
/// `GET`, `POST payment, billing_same, billing.*` and the chosen method's own fields
pub const CHECKOUT_PAYMENT: &str = "/checkout/payment";
/// `GET`, `POST idempotency_key, expected_total, terms_version, note`: places the order.
pub const CHECKOUT_REVIEW: &str = "/checkout/review";

/// `GET`, `POST number, email`: finds a guest's order; the answer never tells whether either exists.
pub const ORDER_LOOK_UP: &str = "/orders/look-up";

/// `GET ?next=`, `POST email, password, next`
pub const SIGN_IN: &str = "/account/sign-in";
/// `GET ?next=`, `POST name, email, password, next, consent.marketing`
pub const REGISTER: &str = "/account/register";
/// `POST`
pub const SIGN_OUT: &str = "/account/sign-out";
/// `GET`, `POST email`
pub const PASSWORD_RESET: &str = "/account/password-reset";
/// `GET ?token=`, `POST token`, or nothing: sends the link again
pub const VERIFY: &str = "/account/verify";
/// `GET`, `POST` of the profile's fields
pub const PROFILE: &str = "/account";
pub const ORDERS: &str = "/account/orders";
/// `GET`, `POST` a new one
pub const ADDRESSES: &str = "/account/addresses";
pub const NEW_ADDRESS: &str = "/account/addresses/new";

/// `POST quantity`: 0 takes the line out.
pub fn cart_line(line_id: &str) -> String {
    format!("{CART_LINES}/{}", path_segment(line_id))
}

/// `POST`: takes the line out.
pub fn remove_cart_line(line_id: &str) -> String {
    format!("{}/remove", cart_line(line_id))
}

pub fn order(order_id: &str) -> String {
    format!("/orders/{}", path_segment(order_id))
}

pub fn order_document(order_id: &str, number: &str) -> String {
    format!("{}/documents/{}", order(order_id), path_segment(number))
}

/// `POST payment, idempotency_key` and the method's fields: another try.
pub fn order_payments(order_id: &str) -> String {
    format!("{}/payments", order(order_id))
}

/// `POST`
pub fn cancel_order(order_id: &str) -> String {
    format!("{}/cancel", order(order_id))
}

/// `GET`, `POST`
pub fn address(address_id: &str) -> String {
    format!("{ADDRESSES}/{}", path_segment(address_id))
}

/// `POST`
pub fn remove_address(address_id: &str) -> String {
    format!("{}/remove", address(address_id))
}

/// Keeps an id inside its segment, whatever it holds.
fn path_segment(id: &str) -> String {
    form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_segment() {
        assert_eq!(cart_line("line_01a"), "/cart/lines/line_01a");
        assert_eq!(order("../x y?z"), "/orders/..%2Fx%20y%3Fz");
    }
}
