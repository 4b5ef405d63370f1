//! The variable parts of a path.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, RawPathParams};
use gearify_commerce as commerce;
use http::request::Parts;

/// One or more path segments, read as `T`.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// A value that one path segment names. What does not parse names nothing: 404.
pub trait Segment: Sized {
    const WHAT: &'static str;
    fn parse(segment: &str) -> Option<Self>;
}

impl Segment for String {
    const WHAT: &'static str = "page";
    fn parse(segment: &str) -> Option<String> {
        Some(segment.to_owned())
    }
}

macro_rules! id_segments {
    ($($id:ident = $what:literal),+ $(,)?) => {$(
        impl Segment for commerce::$id {
            const WHAT: &'static str = $what;
            fn parse(segment: &str) -> Option<Self> {
                commerce::$id::parse(segment).ok()
            }
        }
    )+};
}
id_segments! {
    TenantId = "tenant",
    ProductId = "product",
    VariantId = "variant",
    CategoryId = "category",
    AddOnId = "add-on",
    MediaId = "picture",
    StockItemId = "stock item",
    WarehouseId = "warehouse",
    CartId = "cart",
    LineId = "line",
    OrderId = "order",
    PaymentId = "payment",
    RefundId = "refund",
    ShipmentId = "shipment",
    CustomerId = "customer",
    AddressId = "address",
    StaffId = "staff member",
    SessionId = "session",
    ZoneId = "zone",
    RateId = "delivery rate",
    MailId = "mail",
    NoteId = "note",
    ApiKeyId = "API key",
    ViewId = "view",
}

/// All segments of a route, in order.
pub trait Segments: Sized {
    fn read<'p>(segments: impl Iterator<Item = &'p str>) -> Result<Self, Problem>;
}

fn next<'p, T: Segment>(segments: &mut impl Iterator<Item = &'p str>) -> Result<T, Problem> {
    let segment = segments.next().ok_or_else(|| Problem::internal("the route has too few segments"))?;
    T::parse(segment).ok_or_else(|| Problem::not_found(T::WHAT))
}

impl<A: Segment> Segments for A {
    fn read<'p>(mut segments: impl Iterator<Item = &'p str>) -> Result<A, Problem> {
        next(&mut segments)
    }
}

impl<A: Segment, B: Segment> Segments for (A, B) {
    fn read<'p>(mut segments: impl Iterator<Item = &'p str>) -> Result<(A, B), Problem> {
        Ok((next(&mut segments)?, next(&mut segments)?))
    }
}

impl<T: Segments, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Path<T>, Problem> {
        // Broken percent-encoding names nothing either.
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::not_found("page").because(error))?;
        T::read(params.iter().map(|(_, value)| value)).map(Path)
    }
}
