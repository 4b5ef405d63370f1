//! The operations listener: health, metrics, and events of the test payment provider.
//!
//! There is no login on it; it belongs on a loopback or private address.

use crate::backend::NodeBackend;
use crate::health::NodeHealth;
use crate::telemetry::Metrics;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use gearify_commerce::TenantId;
use gearify_web::Health;
use gearify_web::ports::{Backend, ProviderEventError};
use std::sync::Arc;

const EVENT_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone)]
struct Desk {
    health: Arc<NodeHealth>,
    metrics: Option<Metrics>,
    backend: Arc<NodeBackend>,
}

pub fn router(health: Arc<NodeHealth>, metrics: Option<Metrics>, backend: Arc<NodeBackend>) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics_page))
        .route("/provider-events/{provider}/{tenant}", post(provider_event))
        .layer(DefaultBodyLimit::max(EVENT_BYTES_MAX))
        .with_state(Desk { health, metrics, backend })
}

async fn live() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "live" }))
}

async fn ready(State(desk): State<Desk>) -> Response {
    let parts = desk.health.parts();
    let is_ready = parts.iter().all(|part| part.ready);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if is_ready { "ready" } else { "not_ready" };
    (status, Json(serde_json::json!({ "status": word, "parts": parts }))).into_response()
}

async fn metrics_page(State(desk): State<Desk>) -> Response {
    match desk.metrics {
        Some(metrics) => {
            // What stands still until somebody looks is measured when somebody looks.
            let health = desk.health;
            let _ = tokio::task::spawn_blocking(move || health.measure()).await;
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
                .into_response()
        }
        None => (StatusCode::NOT_FOUND, "this process keeps no metrics").into_response(),
    }
}

/// Where a provider on the same machine reports to: signed like everywhere else.
async fn provider_event(
    State(desk): State<Desk>,
    Path((provider, tenant)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let Ok(tenant) = TenantId::parse(&tenant) else { return StatusCode::NOT_FOUND };
    match desk.backend.provider_event(tenant, &provider, &headers, body).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(ProviderEventError::UnknownProvider) => StatusCode::NOT_FOUND,
        Err(ProviderEventError::Signature) => StatusCode::UNAUTHORIZED,
        Err(ProviderEventError::Malformed) => StatusCode::BAD_REQUEST,
        Err(ProviderEventError::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
