//! The route table: every route is one row, and everything the gate enforces stands in it.
//!
//! The router, the description of the interface (OpenAPI) and the authorization tests come from the
//! same rows. [`Row`] has no default, so a route that leaves something open does not compile.

use crate::app::AppState;
use crate::extract::{Asked, Parameter};
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use gearify_commerce::staff::Permission;
use std::borrow::Cow;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A row with what answers it.
pub struct Route {
    pub row: Row,
    pub handler: MethodRouter<AppState>,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub method: Method,
    /// As the router writes it: `/api/v1/carts/{id}`.
    pub path: &'static str,
    /// The handler's name: verb and resource.
    pub operation: &'static str,
    /// The chapter in the description of the interface.
    pub chapter: &'static str,
    pub surface: Surface,
    pub scope: TenantScope,
    pub access: Access,
    pub logins: Logins,
    pub rate: RateClass,
    pub body: Body,
    pub idempotency: Idempotency,
    pub csrf: Csrf,
    pub summary: &'static str,
    pub shapes: Shapes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    /// Requests that match no row.
    Any,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Any => "other",
        }
    }

    pub fn is_read(self) -> bool {
        matches!(self, Method::Get | Method::Any)
    }

    fn filter(self) -> MethodFilter {
        match self {
            Method::Get | Method::Any => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Patch => MethodFilter::PATCH,
            Method::Delete => MethodFilter::DELETE,
        }
    }
}

/// Who reads the answers: problems come as JSON or as a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    Api,
    Storefront,
    Console,
    /// Assets, health, robots: no page and no personal content.
    Plain,
}

/// Under which host a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantScope {
    /// A shop's host.
    Shop,
    /// The operator's host.
    Platform,
    /// Either.
    Known,
    /// Whatever the host says: health checks.
    Any,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Open,
    /// Whoever holds the cart named in the path: its token, or its customer.
    CartHolder,
    /// Whoever holds the order named in the path: its token, or its customer.
    OrderHolder,
    Customer,
    /// Staff of this shop, or a key of it, with this permission.
    Staff(Permission),
    /// Signed-in staff of this shop or operators, whatever they may do.
    AnyStaff,
    /// Operators of the platform with this permission.
    Operator(Permission),
    /// The body is signed by a provider.
    Signed,
}

/// The kinds of login a route takes. A guest needs none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logins {
    pub guest: bool,
    /// An access token in `Authorization`.
    pub token: bool,
    /// A browser session in a cookie.
    pub cookie: bool,
    /// An API key in `Authorization`.
    pub api_key: bool,
}

/// Nobody in particular; logins are not even looked at.
pub const NOBODY: Logins = Logins { guest: true, token: false, cookie: false, api_key: false };
/// Shoppers, signed in or not.
pub const SHOPPER: Logins = Logins { guest: true, token: true, cookie: true, api_key: false };
/// Shoppers with an account.
pub const ACCOUNT: Logins = Logins { guest: false, token: true, cookie: true, api_key: false };
/// Staff and API keys.
pub const MERCHANT: Logins = Logins { guest: false, token: true, cookie: true, api_key: true };
/// Staff as persons: what no key may do.
pub const PERSON: Logins = Logins { guest: false, token: true, cookie: true, api_key: false };

/// Which rate limit counts a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RateClass {
    Read,
    Write,
    SignIn,
    /// Health, assets, provider events: counted elsewhere or not at all.
    Free,
}

/// What a route reads after its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    None,
    /// A write that says everything in its path: no body, or an empty object.
    Empty,
    Json,
    Form,
    /// The raw bytes of a picture.
    Upload,
    /// The raw bytes of a file to import.
    Import,
    /// Bytes a provider signed.
    Signed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Reads, and writes that are the same when repeated.
    None,
    Accepted,
    /// Money or stock moves: 400 without a key.
    Required,
}

/// How a request that carries a cookie shows that a page of ours sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Csrf {
    /// Changes nothing.
    None,
    /// `Sec-Fetch-Site` or `Origin` names this host.
    Origin,
    /// Besides, the form carries a token.
    Token,
}

/// What goes in and out, for the description of the interface.
#[derive(Clone, Copy, Debug)]
pub struct Shapes {
    pub query: &'static [Parameter],
    pub request: Option<Shape>,
    pub status: u16,
    pub response: Option<Shape>,
}

/// A type with its schema.
#[derive(Clone, Copy)]
pub struct Shape {
    pub name: fn() -> Cow<'static, str>,
    pub schema: fn() -> RefOr<Schema>,
    pub parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Shape {
    pub const fn of<T: ToSchema>() -> Shape {
        Shape { name: T::name, schema: <T as PartialSchema>::schema, parts: T::schemas }
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&(self.name)())
    }
}

/// The parameters of a query type; used by [`routes!`].
pub const fn parameters<Q: Asked>() -> &'static [Parameter] {
    Q::PARAMETERS
}

impl Route {
    pub fn new<H, T>(row: Row, handler: H) -> Route
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        let handler = on(row.method.filter(), handler);
        Route { row, handler }
    }
}

/// Declares rows of one chapter:
///
/// ```text
/// routes! { "Carts", Api, Shop;
///     Post "/api/v1/carts" create_cart: Open, SHOPPER, Write, Json, Accepted, Origin,
///         query(), request(CreateCart), 201(CartView), "Starts a cart";
/// }
/// ```
macro_rules! routes {
    ($chapter:literal, $surface:ident, $scope:ident; $(
        $method:ident $path:literal $handler:ident: $access:expr, $logins:ident, $rate:ident, $body:ident,
        $idempotency:ident, $csrf:ident,
        query($($query:ty)?), request($($request:ty)?), $status:literal($($response:ty)?), $summary:literal;
    )+) => {{
        #[allow(unused_imports, reason = "not every chapter uses each kind")]
        use $crate::routes::{ACCOUNT, Access::*, MERCHANT, NOBODY, PERSON, SHOPPER};
        #[allow(unused_imports, reason = "not every chapter is for staff")]
        use gearify_commerce::staff::Permission::*;
        vec![$($crate::routes::Route::new(
            $crate::routes::Row {
                method: $crate::routes::Method::$method,
                path: $path,
                operation: stringify!($handler),
                chapter: $chapter,
                surface: $crate::routes::Surface::$surface,
                scope: $crate::routes::TenantScope::$scope,
                access: $access,
                logins: $logins,
                rate: $crate::routes::RateClass::$rate,
                body: $crate::routes::Body::$body,
                idempotency: $crate::routes::Idempotency::$idempotency,
                csrf: $crate::routes::Csrf::$csrf,
                summary: $summary,
                shapes: $crate::routes::Shapes {
                    query: $crate::routes::routes!(@query $($query)?),
                    request: $crate::routes::routes!(@shape $($request)?),
                    status: $status,
                    response: $crate::routes::routes!(@shape $($response)?),
                },
            },
            $handler,
        )),+]
    }};
    (@query) => { &[] };
    (@query $query:ty) => { $crate::routes::parameters::<$query>() };
    (@shape) => { None };
    (@shape $shape:ty) => { Some($crate::routes::Shape::of::<$shape>()) };
}
pub(crate) use routes;

/// All routes of all surfaces.
pub fn table() -> Vec<Route> {
    let chapters: [fn() -> Vec<Route>; 5] = [
        crate::health::routes,
        crate::openapi::routes,
        crate::api::routes,
        crate::console::routes,
        crate::storefront::routes,
    ];
    chapters.into_iter().flat_map(|chapter| chapter()).collect()
}
