//! The description of the interface, made from the route table: OpenAPI 3.1 and a page to read.

mod document;
mod page;

use crate::extract::json_response;
use crate::problem::{Problem, explain_problem, list_problems};
use crate::routes::{Route, routes};
use axum::body::Bytes;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::Value;
use std::sync::OnceLock;

pub use document::document;

pub fn routes() -> Vec<Route> {
    let mut rows = routes! { "About", Api, Known;
        Get "/api/v1/openapi.json" get_openapi: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(Value), "This description";
        Get "/.well-known/jwks.json" get_jwks: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(Value), "Public keys of access tokens";
    };
    rows.extend(routes! { "About", Storefront, Known;
        Get "/api/v1/docs" get_docs: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(), "This description as a page";
        Get "/problems" list_problems: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(), "All problem types";
        Get "/problems/{slug}" explain_problem: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(), "What a problem type means";
    });
    rows
}

const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

async fn get_openapi() -> Response {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_string().into());
    let mut response = json_response(text.clone());
    response.headers_mut().insert(header::CACHE_CONTROL, AN_HOUR);
    response
}

async fn get_docs() -> Result<Response, Problem> {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = match TEXT.get() {
        Some(text) => text,
        None => {
            let text = page::render(&document()).map_err(Problem::internal)?;
            TEXT.get_or_init(|| text)
        }
    };
    let mut response = Html(text.as_str()).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, AN_HOUR);
    Ok(response)
}

/// `GET /.well-known/jwks.json`. Source: RFC 7517, RFC 8037.
async fn get_jwks(axum::extract::State(state): axum::extract::State<crate::app::AppState>) -> Response {
    let keys: Vec<Value> = state
        .tokens
        .keys()
        .all()
        .iter()
        .map(|key| {
            serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
                "kid": key.id(), "x": base64_url(key.public()),
            })
        })
        .collect();
    let mut response = json_response(serde_json::json!({ "keys": keys }).to_string().into());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// Base64 for URLs, without padding. Source: RFC 4648, section 5.
fn base64_url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(LETTERS[(bits >> (18 - 6 * place)) as usize & 63] as char);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_usual_one() {
        let check = |text: &str, encoded: &str| assert_eq!(base64_url(text.as_bytes()), encoded);
        check("", "");
        check("f", "Zg");
        check("fo", "Zm8");
        check("foo", "Zm9v");
        check("foob~?", "Zm9vYn4_");
    }
}
