//! Other regions and other nodes of this one, as the web needs them: whose site is sold from where, and how a
//! request gets there.

use crate::ports::Position;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::{Shard, Site, TenantId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::ToSchema;

/// Who answers for a site that does not serve from this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// Any node of another region.
    Region(String),
    /// A node of this region that has the shard.
    Shard(Shard),
    /// One node, by its number.
    Node(u64),
}

/// Names the answer of a node that the request should not have come to: nothing was done.
pub const NOT_HERE: &str = "gearify-not-here";

/// A request as it goes to the region that sells for its shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relayed {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Who asked, for limits and records.
    pub client: IpAddr,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayedAnswer {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// Nothing has been done there.
    #[error("no node of the region can be reached")]
    Unreachable,
    /// It may or may not have been done.
    #[error("the region did not answer")]
    Unknown,
}

/// Longest body that goes from region to region, either way, in bytes.
pub const RELAYED_BYTES_MAX: usize = 7 << 20;

/// One region, for clients that look for the nearest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RegionView {
    pub name: String,
    /// Where shoppers reach it, as a URL without a path; `null` if nobody has said.
    pub url: Option<String>,
    /// The region that answers.
    pub here: bool,
    /// `serving`, or `unreachable` as the answering region sees it.
    pub status: &'static str,
}

pub trait Regions: Send + Sync + 'static {
    /// The region of this node.
    fn here(&self) -> String;

    /// Where a site is sold from whose home has this name, unless that is here. A name that no region has
    /// means the first region.
    fn elsewhere(&self, home: &str, tenant: TenantId, site: Site) -> Option<Elsewhere>;

    /// A node that has applied a position which this one has not, if one is known: whoever leads.
    fn ahead(&self, position: Position) -> Option<Elsewhere> {
        let _ = position;
        None
    }

    /// Lets another node answer a request. Once per request, and once more where it comes into its region.
    fn relay(&self, to: Elsewhere, request: Relayed) -> BoxFuture<'_, Result<RelayedAnswer, RelayError>>;

    /// Sees that a site has its shard before it is written to for the first time, and is not just leaving it.
    fn place(&self, tenant: TenantId, site: Site) -> BoxFuture<'_, ()> {
        let _ = (tenant, site);
        futures::future::ready(()).boxed()
    }

    /// All regions, in the order in which they came.
    fn list(&self) -> Vec<RegionView>;
}

/// For a node that is alone.
pub struct OneRegion(pub String);

impl Regions for OneRegion {
    fn here(&self) -> String {
        self.0.clone()
    }

    fn elsewhere(&self, _: &str, _: TenantId, _: Site) -> Option<Elsewhere> {
        None
    }

    fn relay(&self, _: Elsewhere, _: Relayed) -> BoxFuture<'_, Result<RelayedAnswer, RelayError>> {
        futures::future::ready(Err(RelayError::Unreachable)).boxed()
    }

    fn list(&self) -> Vec<RegionView> {
        vec![RegionView { name: self.here(), url: None, here: true, status: "serving" }]
    }
}

impl Relayed {
    pub fn body(&self) -> Bytes {
        Bytes::copy_from_slice(&self.body)
    }
}
