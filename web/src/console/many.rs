//! A command for each of many things: what is refused is named, and the others go on.

use super::view::{Notice, Page, Tone};
use super::visit::refused;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use futures::StreamExt;
use gearify_commerce::intent::Intent;

/// Commands under way at a time.
const AT_ONCE: usize = 32;
/// Refusals told one by one.
const TOLD: usize = 20;

/// What became of many commands.
pub struct Outcome {
    pub done: u64,
    /// The thing's name and why it was refused.
    refusals: Vec<String>,
}

/// Sends all of them; `name` is asked for those that are refused.
///
/// # Errors
/// What is no refusal: a node that can't decide anything now.
pub async fn submit_each<T>(
    call: &Call,
    wanted: Vec<(T, Intent)>,
    name: impl Fn(&T) -> String,
) -> Result<Outcome, Problem> {
    let submitted = futures::stream::iter(wanted)
        .map(|(thing, intent)| async move { (thing, call.submit(intent).await) });
    let mut submitted = std::pin::pin!(submitted.buffered(AT_ONCE));
    let mut outcome = Outcome { done: 0, refusals: Vec::new() };
    while let Some((thing, result)) = submitted.next().await {
        match result {
            Ok(_) => outcome.done += 1,
            Err(problem) if problem.status().is_server_error() => return Err(problem),
            Err(problem) => {
                let said = problem.detail_text().map(str::to_owned);
                let said = said.or_else(|| problem.errors().first().map(|error| error.detail.clone()));
                let said = said.unwrap_or_else(|| problem.kind().meaning().to_owned());
                outcome.refusals.push(format!("{}: {said}", name(&thing)));
            }
        }
    }
    Ok(outcome)
}

impl Outcome {
    /// The page that names what was refused, if anything was.
    pub fn told(mut self, call: &Call, section: &str, list: &str) -> Option<Response> {
        if self.refusals.is_empty() {
            return None;
        }
        let notice = Notice::new(Tone::Warn, format!("{} changed, {} not.", self.done, self.refusals.len()));
        self.refusals.truncate(TOLD);
        let page =
            Page::new("Not all were changed").under(section, list).part(notice.text(self.refusals.join(" ")));
        Some(refused(call, &page))
    }
}
