//! Searches that found nothing, until they are reported to the shop they were made in.
//!
//! A term is reported once shoppers at two addresses have sought it: what only one person ever typed stays
//! theirs, and so does whatever may be about a person ([`Term::parse`]). Searches come from anybody, so all
//! of it is bounded: terms of a shop, shops, and one small command a shop and report. Counts that were not
//! reported yet end with the process; this is advice, not a book.

use crate::app::AppState;
use crate::gate::Call;
use crate::ports_search::{SearchAnswer, SearchFrom, SearchQuery};
use gearify_commerce::command::{CommandId, GroupKind, Keep};
use gearify_commerce::intent::Request;
use gearify_commerce::searches::{Command, Missed, Term};
use gearify_commerce::time::DAY_MS;
use gearify_commerce::{Actor, Site, TenantId, Timestamp, version};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Terms of one shop that are held; while there are so many, others are not counted.
const TERMS_MAX: usize = 100;
/// Shops whose terms are held.
const SHOPS_MAX: usize = 1_000;

/// Counts of all shops, of searches that came to this node.
#[derive(Default)]
pub struct Sought {
    shops: Mutex<BTreeMap<TenantId, BTreeMap<Term, Seen>>>,
}

struct Seen {
    first: IpAddr,
    last: Timestamp,
    is_shared: bool,
    /// Since the last report.
    times: u32,
}

/// The words of a search by words alone: what it came with besides may be why it finds nothing.
pub fn words_alone(asked: &SearchQuery) -> Option<String> {
    let is_plain = asked.filters.is_empty()
        && asked.category.is_none()
        && (asked.price_min, asked.price_max) == (None, None)
        && (asked.in_stock, asked.rating_min) == (None, None)
        && asked.from == SearchFrom::Start;
    asked.text.clone().filter(|_| is_plain)
}

/// What was sought in vain by these words.
pub fn missed(words: Option<String>, found: &SearchAnswer) -> Option<Term> {
    Term::parse(&words.filter(|_| found.total == 0)?)
}

impl Sought {
    /// Counts a search of this caller that found nothing.
    pub fn note(&self, call: &Call, term: Term) {
        self.count(call.tenant(), term, call.client(), call.now());
    }

    fn count(&self, tenant: TenantId, term: Term, by: IpAddr, now: Timestamp) {
        let mut shops = self.shops.lock();
        if shops.len() >= SHOPS_MAX && !shops.contains_key(&tenant) {
            return;
        }
        let terms = shops.entry(tenant).or_default();
        if terms.len() >= TERMS_MAX && !terms.contains_key(&term) {
            return;
        }
        let seen = terms.entry(term).or_insert(Seen { first: by, last: now, is_shared: false, times: 0 });
        seen.is_shared |= seen.first != by;
        seen.last = now;
        seen.times = seen.times.saturating_add(1);
    }

    /// What is to be reported of each shop. Terms that nobody sought for a day are forgotten.
    fn take(&self, now: Timestamp) -> Vec<(TenantId, Vec<Missed>)> {
        let mut shops = self.shops.lock();
        let mut reports = Vec::new();
        for (tenant, terms) in shops.iter_mut() {
            let counted = terms.iter_mut().filter(|(_, seen)| seen.is_shared && seen.times > 0);
            let missed = counted
                .map(|(term, seen)| Missed { term: term.clone(), times: std::mem::take(&mut seen.times) });
            let missed: Vec<Missed> = missed.collect();
            if !missed.is_empty() {
                reports.push((*tenant, missed));
            }
            terms.retain(|_, seen| now.millis_since(seen.last) < DAY_MS);
        }
        shops.retain(|_, terms| !terms.is_empty());
        reports
    }
}

/// Tells every shop what was sought in it since the last report.
pub async fn report(state: &AppState) {
    for (tenant, terms) in state.sought.take(state.clock.now()) {
        let group = GroupKind::Region;
        if version::of(&*state.backend.reader(group, tenant)) < version::SEARCHES {
            continue;
        }
        let request = Request {
            id: CommandId::fresh(state.clock.now(), rand::random()),
            keep: Keep::Nothing,
            hash: [0; 16],
            tenant,
            site: Site::FIRST,
            actor: Actor::System,
            intent: Command::CountMissed { terms }.into(),
        };
        if let Err(error) = state.backend.submit(request).await {
            tracing::debug!(%tenant, %error, "searches without results were not counted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: TenantId = TenantId::from_bits(7);

    fn seek(sought: &Sought, text: &str, by: u8, at: i64) {
        let term = Term::parse(text).expect("a term");
        sought.count(SHOP, term, IpAddr::from([192, 0, 2, by]), Timestamp::from_millis(at));
    }

    fn told(sought: &Sought, at: i64) -> Vec<(String, u32)> {
        let reports = sought.take(Timestamp::from_millis(at));
        let missed = reports.into_iter().flat_map(|(_, missed)| missed);
        missed.map(|missed| (missed.term.as_str().to_owned(), missed.times)).collect()
    }

    #[test]
    fn a_term_is_told_once_two_have_sought_it_and_each_search_counts_once() {
        let sought = Sought::default();
        seek(&sought, "boundary rope", 1, 0);
        seek(&sought, "boundary rope", 1, 1);
        seek(&sought, "umpire coat", 1, 1);
        assert_eq!(told(&sought, 2), [], "by one person only");
        seek(&sought, "Boundary  Rope", 2, 3);
        assert_eq!(told(&sought, 4), [("boundary rope".to_owned(), 3)]);
        assert_eq!(told(&sought, 5), []);
        seek(&sought, "boundary rope", 2, 6);
        assert_eq!(told(&sought, 7), [("boundary rope".to_owned(), 1)]);
        assert_eq!(told(&sought, 7 + DAY_MS), []);
        seek(&sought, "boundary rope", 1, 8 + DAY_MS);
        assert_eq!(told(&sought, 9 + DAY_MS), [], "a day later it is forgotten that two did");
    }

    #[test]
    fn made_up_terms_take_no_more_than_their_room() {
        let sought = Sought::default();
        for number in 0..2 * TERMS_MAX {
            seek(&sought, &format!("thing {number}"), 1, 0);
            seek(&sought, &format!("thing {number}"), 2, 0);
        }
        assert_eq!(told(&sought, 1).len(), TERMS_MAX);
        for number in 0..2 * SHOPS_MAX {
            let term = Term::parse("bails").expect("a term");
            let tenant = TenantId::from_bits(number as u128);
            sought.count(tenant, term, IpAddr::from([192, 0, 2, 1]), Timestamp::from_millis(0));
        }
        assert_eq!(sought.shops.lock().len(), SHOPS_MAX);
    }
}
