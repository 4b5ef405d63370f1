//! Tags of answers that depend on more than one record: a hash of what they say, behind the revision of the record
//! that a change is made from.

use crate::gate::Call;
use crate::problem::Problem;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// `"{revision}.{hash}"`: in `If-Match` the revision counts, in `If-None-Match` all of it.
pub fn tag_of(revision: u64, said: &impl Serialize) -> Result<String, Problem> {
    let bytes = serde_json::to_vec(said).map_err(Problem::internal)?;
    Ok(format!("\"{revision}.{}\"", &blake3::hash(&bytes).to_hex()[..16]))
}

/// The answer under its tag, or 304 for whoever has it already.
pub fn unless_known(call: &Call, tag: &str, answer: impl IntoResponse) -> Response {
    let mut response = match call.conditional().has(tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => answer.into_response(),
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
