//! The closed table of problem types.

use http::StatusCode;

macro_rules! kinds {
    ($($name:ident = $status:literal $slug:literal, $title:literal, $meaning:literal;)+) => {
        /// A type of problem. The slug is part of the interface: never change one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $(#[doc = $meaning] $name),+ }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$name),+];

            pub const fn slug(self) -> &'static str {
                match self { $(Kind::$name => $slug),+ }
            }

            /// The same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Kind::$name => $title),+ }
            }

            /// What it means and what to do, for the page that explains it.
            pub const fn meaning(self) -> &'static str {
                match self { $(Kind::$name => $meaning),+ }
            }

            pub fn status(self) -> StatusCode {
                let code = match self { $(Kind::$name => $status),+ };
                StatusCode::from_u16(code).expect("the table holds valid statuses")
            }
        }
    };
}

kinds! {
    // The request itself.
    Malformed = 400 "malformed", "The request can't be read", "The body, an address or a header is not in the form this interface reads. Nothing was changed.";
    UnknownField = 400 "unknown-field", "A field is not known", "The body has a field that this operation does not take. Check its spelling in the description of the interface.";
    UnknownParameter = 400 "unknown-parameter", "A parameter is not known", "The address has a query parameter that this operation does not take, or one that can't be read.";
    KeyMissing = 400 "key-missing", "An idempotency key is needed", "This operation moves money or stock. Send an Idempotency-Key header, so that a repeated request never acts twice.";
    Unauthorized = 401 "unauthorized", "Sign in first", "This operation needs to know who is asking. Send an access token, an API key, or the token of the cart or order.";
    InvalidToken = 401 "invalid-token", "The token is not valid", "The access token has expired, was revoked, or belongs elsewhere. Get a new one with the refresh token or by signing in.";
    WrongCredentials = 401 "wrong-credentials", "E-mail address or password is wrong", "No account opens with this e-mail address and password. Both are checked together; the answer does not say which one is wrong.";
    Forbidden = 403 "forbidden", "Not allowed", "The caller is known, but may not do this.";
    CrossSite = 403 "cross-site", "The request came from another site", "The request carries a session cookie but was not sent by a page of this shop. Nothing was changed.";
    NotFound = 404 "not-found", "Not found", "There is nothing under this address for this caller.";
    MethodNotAllowed = 405 "method-not-allowed", "The method is not allowed here", "The address exists but does not take this method. The Allow header says which ones it takes.";
    TooSlow = 408 "too-slow", "The request took too long", "The request was not complete, or not answered, in time. It may be sent again; with the same idempotency key it never acts twice.";
    Conflict = 409 "conflict", "This does not fit the present state", "What was asked does not fit what is there now. Read the record again and decide anew.";
    BodyTooLarge = 413 "body-too-large", "The body is too large", "The body is larger than this operation takes.";
    AddressTooLong = 414 "address-too-long", "The address is too long", "Path and query together are longer than any address here.";
    UnsupportedMediaType = 415 "unsupported-media-type", "The body's type is not taken here", "The Content-Type is not one this operation reads. JSON is application/json in UTF-8.";
    UnknownHost = 421 "unknown-host", "No shop answers to this host", "The host name in the request belongs to no shop on this node.";
    Validation = 422 "validation", "Some values are not valid", "The request was understood, but some values can't be accepted. The errors say which ones and why.";
    KeyReused = 422 "key-reused", "The idempotency key was used before", "The same Idempotency-Key came with another request. Use a new key for a new intention.";
    PreconditionFailed = 412 "stale-version", "The record has changed", "The record is no longer at the revision named in If-Match. Read it again and repeat the change on the new one.";
    PreconditionRequired = 428 "precondition-required", "Say which version you mean", "This operation overwrites a record. Send If-Match with the ETag you have read, so that nobody's change is lost.";
    TooManyRequests = 429 "too-many-requests", "Too many requests", "More requests came in a short time than are allowed. Retry-After says when to go on.";
    HeadersTooLarge = 431 "headers-too-large", "The headers are too large", "The request has more headers, or larger ones, than are read here. Cookies of other pages of this site may be the reason: delete them.";
    InternalError = 500 "internal-error", "Something went wrong here", "The fault is on this side. The request id helps to find it.";
    Overloaded = 503 "overloaded", "Too busy at the moment", "The node has as much to do as it can. Retry-After says when to try again.";
    Unavailable = 503 "unavailable", "Not available at the moment", "The part of the system that decides this can't be reached. Nothing is lost; try again shortly.";
    NotCaughtUp = 503 "not-caught-up", "This node has not caught up yet", "The read asked for a position that this node has not reached in time. Try again shortly.";
    OutcomeUnknown = 503 "outcome-unknown", "The outcome is not known yet", "The request may or may not have taken effect. Send it again with the same idempotency key to learn which.";
    TenantSuspended = 503 "shop-suspended", "This shop is closed at the moment", "The shop is suspended. Nothing can be read or bought until it is opened again.";
    InsufficientStorage = 507 "insufficient-storage", "There is no room for more at the moment", "A disk is nearly full, so nothing new is taken in. Payments, cancellations, refunds and deletions go on. Nothing was changed; try again later.";
    RegionReadOnly = 503 "region-read-only", "Only reading is possible at the moment", "This region is cut off from the others. Selling goes on here; changes to the shop, its staff and its products have to wait.";

    // Buying.
    OutOfStock = 409 "out-of-stock", "Not enough in stock", "Fewer pieces are available than were asked for. The lines say how many there are.";
    TotalChanged = 409 "total-changed", "The total has changed", "Prices, taxes or delivery changed since the total was shown. The cart in this answer has the new total.";
    ShippingOptionExpired = 409 "shipping-option-expired", "The delivery option is no longer offered", "The chosen way of delivery does not fit the cart or the address any more. Choose another one.";
    CartExpired = 409 "cart-expired", "The cart has expired", "The cart was left alone too long. Start a new one.";
    CartChanged = 409 "cart-changed", "The cart changed meanwhile", "The cart was changed by another request at the same moment. Read it again and repeat what is still wanted.";
    CartEmpty = 409 "cart-empty", "The cart is empty", "Only a cart with at least one line can be ordered.";
    CartIncomplete = 409 "cart-incomplete", "Something is missing before this cart can be ordered", "The errors say what is missing: contact, address, or a way of delivery.";
    AlreadyOrdered = 409 "already-ordered", "This cart has been ordered", "A cart becomes at most one order. The answer names it.";
    NotDeliverable = 422 "not-deliverable", "We don't deliver there", "The shop does not deliver these goods to this address.";
    NotForSale = 409 "not-for-sale", "This can't be bought at the moment", "The product is not published or has no price in this currency.";
    HoldRefused = 409 "hold-refused", "The goods can't be held any longer", "A hold can be renewed once, and only so many can be open for one address.";
    PaymentDeclined = 402 "payment-declined", "The payment was declined", "The order is kept for a while. Pay it with another means: POST /api/v1/orders/{id}/payments.";
    PaymentRefused = 409 "payment-refused", "The order can't be paid like this", "The order is paid, closed, or does not take this means of payment.";
    ProviderUnavailable = 503 "provider-unavailable", "The payment provider does not answer", "The payment provider can't be reached. Nothing was charged.";

    // Orders afterwards.
    NotCancellable = 409 "not-cancellable", "The order can't be cancelled any more", "Parts of the order have been shipped, or it is closed.";
    RefundExceedsCaptured = 409 "refund-too-large", "More than was paid", "Refunds of a payment never exceed what was captured.";
    ShipmentRefused = 409 "shipment-refused", "This can't be shipped", "The lines, the quantities or the order's state do not allow this shipment.";

    // Records.
    AlreadyExists = 409 "already-exists", "This exists already", "Another record has the same name, SKU, slug, host or e-mail address.";
    InUse = 409 "in-use", "Something still uses this", "The record can't be taken away while others refer to it.";
    LimitReached = 409 "limit-reached", "There are too many of these", "A fixed bound keeps records small; it has been reached.";
}

impl Kind {
    pub fn from_slug(slug: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.slug() == slug)
    }
}
