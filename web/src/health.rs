//! Whether this process lives and may be given work.

use crate::app::{AppState, PartHealth};
use crate::extract::Json;
use crate::routes::{Route, routes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Health", Plain, Any;
        Get "/health/live" get_live: Open, NOBODY, Free, None, None, None,
            query(), request(), 200(Live), "Whether the process runs";
        Get "/health/ready" get_ready: Open, NOBODY, Free, None, None, None,
            query(), request(), 200(Ready), "Whether the node may be given requests, part by part";
    }
}

#[derive(Serialize, ToSchema)]
pub struct Live {
    pub status: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct Ready {
    /// `ready` or `not_ready`.
    pub status: &'static str,
    pub parts: Vec<PartHealth>,
}

async fn get_live() -> Json<Live> {
    Json(Live { status: "live" })
}

async fn get_ready(State(state): State<AppState>) -> Response {
    let parts = state.health.parts();
    let ready = parts.iter().all(|part| part.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Ready { status: if ready { "ready" } else { "not_ready" }, parts };
    (status, Json(body)).into_response()
}
