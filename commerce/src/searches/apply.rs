//! Counts.

use super::command::Command;
use super::model::{DAYS_KEPT, Day, MISSED, Missed, TERMS_A_DAY_MAX, day_of};
use crate::command::Reply;
use crate::scope::Scope;

/// Rows of days gone by that one report takes away: more than it brings, so that nothing piles up.
const FORGOTTEN_MAX: usize = 2 * TERMS_A_DAY_MAX;

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Reply {
    let Command::CountMissed { terms } = command;
    let today = day_of(scope.at());
    let mut kept = MISSED.rows(scope, &today, TERMS_A_DAY_MAX).len();
    for Missed { term, times } in terms.iter().take(TERMS_A_DAY_MAX) {
        let key = (today, term.clone());
        let before = MISSED.get(scope, &key);
        if before.is_none() && kept == TERMS_A_DAY_MAX {
            continue;
        }
        kept += usize::from(before.is_none());
        let times = before.map_or(0, |before| before.times).saturating_add(*times);
        MISSED.put(scope, &key, &Missed { term: term.clone(), times });
    }
    forget(scope, today.saturating_sub(DAYS_KEPT));
    Reply::default()
}

/// Takes away what is of `day` or earlier.
fn forget(scope: &mut Scope<'_, '_>, day: Day) {
    for (key, missed) in MISSED.rows(scope, &(), FORGOTTEN_MAX) {
        let of = key.first_chunk().map_or(day, |day| Day::from_be_bytes(*day));
        if of > day {
            return;
        }
        MISSED.delete(scope, &(of, missed.term));
    }
}
