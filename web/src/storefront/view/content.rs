//! Pages of words: delivery, returns, terms, and what is said when something is not there.

use super::parts::Link;
use super::rich_text::RichText;
use crate::l10n::Day;

#[derive(Debug, Clone)]
pub struct ContentPage {
    pub title: String,
    pub body: RichText,
    pub updated: Option<Day>,
    /// The other pages of this kind, this one too.
    pub siblings: Vec<Link>,
}

/// 404: with a search and a way on.
#[derive(Debug, Clone)]
pub struct NotFoundPage {
    pub suggestions: Vec<Link>,
}

/// Everything else that ends in a page: 400, 403, 409, 419, 429, 500, 503.
#[derive(Debug, Clone)]
pub struct ProblemPage {
    pub status: u16,
    /// What happened, if there is more to say than the status does.
    pub detail: Option<String>,
    /// To quote when asking for help; empty if there is none.
    pub request_id: String,
    /// Seconds until trying again makes sense.
    pub retry_after_seconds: Option<u64>,
    /// A way on; the home page is always offered.
    pub action: Option<Link>,
}
