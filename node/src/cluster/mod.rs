//! A node as one of several: who the others are, how one joins, and what nodes ask each other.
//!
//! A node without `cluster/identity.json` is alone and nothing here runs. With it, a group of its own,
//! [`CLUSTER_GROUP`], holds the roster (`roster`, pure; `machine`): nodes, tokens, the sealed key of the
//! authority. `member` runs on every node: it keeps the address book in step with the roster, brings the
//! groups' members in step with it while leading, and renews the certificate. `peers` is what nodes ask
//! each other (`admitting` to be taken in, `histories` what happened, `reporting` how one stands, `versions` which
//! rules all know), `pulse` what they tell each other all the time, `following` how a node that is no member of the
//! shared groups reads them, `relaying` how requests reach the region that sells, `regions` who has which seat in
//! the shared groups, `seating` who has one in the region's shards, and `placing` which shard a shop is in;
//! `founding` makes the first node and `joining` every other, both while nothing runs.

mod admitting;
mod blobs;
mod desk;
mod following;
mod founding;
mod hex;
mod histories;
pub mod identity;
mod joining;
mod machine;
mod member;
mod membership;
mod messages;
mod peers;
mod placing;
mod pulse;
mod recall;
mod recovering;
pub mod regions;
mod relaying;
mod renewing;
mod reporting;
pub mod roster;
mod seating;
mod token;
mod versions;
mod warrant;

pub use desk::{AdminError, Desk};
pub use founding::{Division, FoundError, Founded, LONE_LOG_NAME, begin_divided, found};
pub use identity::{ClusterDir, Identity, IdentityError};
pub use joining::{JoinError, Joined, join};
pub use member::{Member, MemberError, MemberOptions};
pub use messages::{ClusterStatus, GroupReport, Moving, NodeReport, NodeStatus, ShopPlace};
pub use recovering::{GoesOn, RecoverError, RecoveredRegion, RecoveredShard, recover, recover_shard};
pub use token::{JoinToken, TokenError};

use gearify_replication::GroupId;
use std::time::Duration;

/// The group of the roster, beside those of the shops.
pub const CLUSTER_GROUP: GroupId = GroupId(3);
/// Its name where groups have names.
pub const CLUSTER_GROUP_NAME: &str = "cluster";

/// A certificate is renewed when only this part of its time is left: 10 days of 30.
const CERTIFICATE_RENEWED_AT: u32 = 3;

/// How long a new join token can be used, unless said otherwise.
pub const TOKEN_VALID: Duration = Duration::from_secs(3600);
