//! What may be reported.

use super::model::Missed;
use serde::{Deserialize, Serialize};

/// The order of variants is stored: only append.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// What found nothing since the node's last report.
    CountMissed { terms: Vec<Missed> },
}
