//! Reading a request: paths, queries, JSON bodies and forms, each refused with a problem of our own.
//!
//! Rules: 400 for what can't be parsed and for unknown fields or parameters, 422 with pointers for what
//! was understood and is wrong. An id of another kind in a path is 404, as an id of nobody is.

mod form;
mod json;
mod path;
mod query;

pub use form::Form;
pub(crate) use json::require_json;
pub use json::{Json, Patch, json_response, read_json};
pub use path::{Path, Segment};
pub use query::{Asked, Pairs, Parameter, Query, form_pairs};

use crate::problem::{Kind, Problem};
use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Reads a whole body of at most `max` bytes.
///
/// # Errors
/// `body-too-large`, or `malformed` if the sender stopped in the middle.
pub async fn read_body(body: Body, max: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large(max)),
        Err(error) => {
            Err(Problem::new(Kind::Malformed).detail("The body ended before it was complete.").because(error))
        }
    }
}

pub(crate) fn too_large(max: usize) -> Problem {
    Problem::new(Kind::BodyTooLarge)
        .detail(format!("The body may have at most {max} bytes."))
        .member("bytes_max", max as u64)
}
