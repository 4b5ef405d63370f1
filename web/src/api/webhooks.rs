//! Events of payment providers: verified by the node, de-duplicated by the provider's id.

use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use crate::routes::{Route, routes};
use axum::body::Bytes;
use axum::extract::Request;
use http::StatusCode;

pub fn routes() -> Vec<Route> {
    routes! { "Webhooks", Api, Shop;
        Post "/api/v1/webhooks/{provider}" take_provider_event: Signed, NOBODY, Free, Signed, None, None,
            query(), request(), 204(), "An event of a payment provider";
    }
}

async fn take_provider_event(
    call: Call,
    Path(provider): Path<String>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let tenant = call.shop()?.id();
    let (parts, body) = request.into_parts();
    // The gate has bounded and buffered the body.
    let bytes: Bytes = crate::extract::read_body(body, call.state().settings.body_bytes_max).await?;
    call.state().backend.provider_event(tenant, &provider, &parts.headers, bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}
