//! Which regions there are, so that a client can choose the nearest.

use crate::app::AppState;
use crate::extract::Json;
use crate::ports_regions::RegionView;
use crate::routes::{Route, routes};
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Regions", Plain, Known;
        Get "/api/v1/regions" list_regions: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(RegionList), "The regions, where they are reached, and whether they answer";
    }
}

/// All regions, in the order in which they came.
#[derive(Serialize, ToSchema)]
pub struct RegionList {
    pub data: Vec<RegionView>,
}

async fn list_regions(State(state): State<AppState>) -> Json<RegionList> {
    Json(RegionList { data: state.regions.list() })
}
