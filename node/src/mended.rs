//! What was damaged when a node's files were opened, and has been made again since: the log has it, and whoever
//! looks the files over is told too.

use gearify_storage::ProjectionError;
use parking_lot::Mutex;
use std::sync::Arc;

/// Cheap to clone; all clones are one list.
#[derive(Clone, Default)]
pub struct Mended(Arc<Mutex<Vec<(String, String)>>>);

impl Mended {
    pub fn note(&self, what: impl Into<String>, reason: impl ToString) {
        self.0.lock().push((what.into(), reason.to_string()));
    }

    /// A projection that was begun anew. One of another version was not damaged.
    pub fn projection(&self, file: &str, reason: Option<ProjectionError>) {
        if let Some(reason @ ProjectionError::Damaged { .. }) = reason {
            self.note(file, reason);
        }
    }

    /// What it was, and what was wrong with it.
    pub fn all(&self) -> Vec<(String, String)> {
        self.0.lock().clone()
    }
}
