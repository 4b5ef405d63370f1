//! Decides and evolves.

use super::model::ARRIVAL;
use super::{Arrival, ArrivalId, CLEAR_MAX, Change, Command, Refusal, SiteRow};
use crate::command::{Command as Any, GroupKind, Reply, apply_inner};
use crate::customers::{self, CUSTOMERS};
use crate::event::Envelope;
use crate::ids::{CustomerId, PersonId, TenantId};
use crate::placement::{ELSEWHERE, moved_to};
use crate::processes::schedule::{Due, Work};
use crate::scope::{SEQUENCE, Scope, Site, View};
use crate::sealed::{self, ERASED, PERSON_KEYS};
use crate::tenants::{self, Status, TENANT, Tenant};
use crate::time::Timestamp;
use gearify_storage::decode;
use std::collections::BTreeSet;

pub(crate) const SEQUENCE_TAG: u8 = SEQUENCE.tag();
const PERSON_KEYS_TAG: u8 = PERSON_KEYS.tag();
const ERASED_TAG: u8 = ERASED.tag();
pub(crate) const ARRIVAL_TAG: u8 = ARRIVAL.tag();
pub(crate) const ELSEWHERE_TAG: u8 = ELSEWHERE.tag();
const TENANT_TAG: u8 = TENANT.tag();

/// Rows of the place, which no site takes along.
pub(super) const OWN_TAGS: [u8; 3] = [SEQUENCE_TAG, ARRIVAL_TAG, ELSEWHERE_TAG];
/// Rows that stand through an arrival, in order. A shop's record is replaced by the last step.
const KEPT_TAGS: [u8; 5] = [SEQUENCE_TAG, ERASED_TAG, ARRIVAL_TAG, ELSEWHERE_TAG, TENANT_TAG];

/// Whether the events of a command are told again: they are numbered, dated and caused already, and nothing
/// follows from them.
pub(crate) fn recalls(command: &Any) -> bool {
    matches!(command, Any::Bundle(Command::Arrive { change: Change::Events(_), .. }))
}

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::Arrive { group, arrival, step, change } => {
            let Some(events) = decide(scope, *group, *arrival, *step, change)? else {
                return Ok(Reply::default());
            };
            let arrived = Arrival { id: *arrival, next: step + 1, is_over: is_last(change) };
            ARRIVAL.put(scope, &(), &arrived);
            Ok(evolve(scope, change, events))
        }
        Command::Forget { people, .. } => {
            people.iter().for_each(|(person, at)| forget(scope, *person, *at));
            Ok(Reply::default())
        }
    }
}

fn is_last(change: &Change) -> bool {
    matches!(change, Change::End { .. } | Change::Land { .. })
}

/// The events to be told again; `None` if the step was taken before.
fn decide(
    view: &impl View,
    group: GroupKind,
    id: ArrivalId,
    step: u64,
    change: &Change,
) -> Result<Option<Vec<Envelope>>, Refusal> {
    match ARRIVAL.get(view, &()) {
        Some(stands) if stands.id > id => return Err(Refusal::Overtaken),
        Some(stands) if stands.id == id && (stands.is_over || step < stands.next) => return Ok(None),
        Some(stands) if stands.id == id && step == stands.next => {}
        Some(stands) if stands.id == id => return Err(Refusal::OutOfTurn { next: stands.next }),
        _ if step == 0 => {}
        _ => return Err(Refusal::OutOfTurn { next: 0 }),
    }
    let is_first = matches!(change, Change::Begin);
    if is_first != (step == 0) {
        return Err(Refusal::OutOfTurn { next: step });
    }
    match change {
        Change::Begin => match tenants::get(view) {
            Some(tenant) if group == GroupKind::World && tenant.status == Status::Active => {
                return Err(Refusal::Sells);
            }
            _ => {}
        },
        Change::Rows(rows) => rows.iter().try_for_each(|(key, _)| may_arrive(key))?,
        Change::Remove(keys) => keys.iter().try_for_each(|key| may_arrive(key))?,
        Change::Range { from, until, rows } => rows.iter().try_for_each(|(key, _)| {
            let is_within = key >= from && (until.is_empty() || key < until);
            if is_within { may_arrive(key) } else { Err(Refusal::OutOfRange) }
        })?,
        Change::Events(events) => return news(view, events).map(Some),
        Change::End { sequence, tenant, .. } => {
            require_events(view, *sequence)?;
            if moved_to(view).is_some() {
                return Err(Refusal::Elsewhere);
            }
            tenant.as_ref().map_or(Ok(()), |tenant| tenants::may_arrive(view, tenant))?;
        }
        Change::Land { sequence } => require_events(view, *sequence)?,
        Change::Clear | Change::Plan(_) | Change::Work(_) => {}
    }
    Ok(Some(Vec::new()))
}

fn may_arrive(key: &[u8]) -> Result<(), Refusal> {
    match key.first() {
        Some(tag) if !OWN_TAGS.contains(tag) && *tag != TENANT_TAG => Ok(()),
        _ => Err(Refusal::OwnRow),
    }
}

fn require_events(view: &impl View, wanted: u64) -> Result<(), Refusal> {
    let here = SEQUENCE.get(view, &()).unwrap_or_default().0;
    if here < wanted { Err(Refusal::EventsMissing { wanted, here }) } else { Ok(()) }
}

/// Those of the events that are not in the history here.
fn news(view: &impl View, events: &[Vec<u8>]) -> Result<Vec<Envelope>, Refusal> {
    let mut here = SEQUENCE.get(view, &()).unwrap_or_default().0;
    let mut news = Vec::new();
    for event in events {
        let envelope: Envelope =
            decode(event).map_err(|_| Refusal::UnreadableEvent { sequence: here + 1 })?;
        if envelope.sequence <= here {
            continue;
        }
        if envelope.sequence != here + 1 {
            return Err(Refusal::EventsMissing { wanted: envelope.sequence - 1, here });
        }
        here = envelope.sequence;
        news.push(Envelope { tenant: view.tenant(), site: view.site(), ..envelope });
    }
    Ok(news)
}

fn evolve(scope: &mut Scope<'_, '_>, change: &Change, events: Vec<Envelope>) -> Reply {
    match change {
        Change::Begin => {}
        Change::Clear => {
            let removed = scope.clear(&KEPT_TAGS, CLEAR_MAX);
            return Reply::about(removed as u128, 0);
        }
        Change::Rows(rows) => rows.iter().for_each(|row| put(scope, row)),
        Change::Events(_) => events.into_iter().for_each(|event| scope.recall(event)),
        Change::Plan(plans) => plans.iter().for_each(|(at, due): &(Timestamp, Due)| scope.schedule(*at, due)),
        Change::Work(work) => work.iter().for_each(|work: &Work| scope.ask(work)),
        Change::End { tenant, keys_of, .. } => {
            if let Some(tenant) = tenant {
                open(scope, tenant, *keys_of);
            }
            forget_again(scope);
        }
        Change::Range { from, until, rows } => return fill(scope, from, until, rows),
        Change::Remove(keys) => keys.iter().for_each(|key| scope.delete_row(key)),
        Change::Land { .. } => {
            ELSEWHERE.delete(scope, &());
            forget_again(scope);
        }
    }
    Reply::default()
}

/// Who was erased here may have come along again.
fn forget_again(scope: &mut Scope<'_, '_>) {
    for (person, at) in still_known(scope) {
        forget(scope, person, at);
    }
}

fn fill(scope: &mut Scope<'_, '_>, from: &[u8], until: &[u8], rows: &[SiteRow]) -> Reply {
    let limit = rows.len() + CLEAR_MAX;
    let coming: BTreeSet<&[u8]> = rows.iter().map(|(key, _)| key.as_slice()).collect();
    let there = scope.keys_within(from, until, limit);
    let is_strange = |key: &&Vec<u8>| {
        !coming.contains(key.as_slice()) && key.first().is_some_and(|tag| !KEPT_TAGS.contains(tag))
    };
    there.iter().filter(is_strange).for_each(|key| scope.delete_row(key));
    rows.iter().for_each(|row| put(scope, row));
    Reply::about(u128::from(there.len() == limit), 0)
}

fn open(scope: &mut Scope<'_, '_>, tenant: &Tenant, keys_of: Option<TenantId>) {
    tenants::arrive(scope, tenant);
    if let Some(source) = keys_of.filter(|source| *source != tenant.id) {
        scope.within(TenantId::PLATFORM, Site::NONE, |platform| {
            tenants::KEY_SOURCES.put(platform, &tenant.id, &tenants::TenantRef(source));
        });
    }
}

fn put(scope: &mut Scope<'_, '_>, (key, value): &SiteRow) {
    let person = |key: &[u8]| key.try_into().map(|bits| PersonId::from_bits(u128::from_be_bytes(bits))).ok();
    let is_settled = match key.split_first() {
        Some((&(PERSON_KEYS_TAG | ERASED_TAG), rest)) => {
            person(rest).is_some_and(|person| ERASED.contains(scope, &person))
        }
        _ => false,
    };
    if !is_settled {
        scope.put_row(key, value.clone());
    }
}

/// Erased people looked at when an arrival ends; more than a site erases between a backup and its return.
const ERASED_MAX: usize = 10_000;

/// Erased people of whom rows are still here.
fn still_known(scope: &Scope<'_, '_>) -> Vec<(PersonId, Timestamp)> {
    let erased = ERASED.rows(scope, &(), ERASED_MAX).into_iter().filter_map(|(key, erased)| {
        let bits = u128::from_be_bytes(key.as_ref().try_into().ok()?);
        Some((PersonId::from_bits(bits), erased.at))
    });
    erased.filter(|(person, _)| CUSTOMERS.contains(scope, &customer_of(*person))).collect()
}

/// Everything that erasing does, for somebody who was erased at `at` and is known here again.
fn forget(scope: &mut Scope<'_, '_>, person: PersonId, at: Timestamp) {
    let customer = customer_of(person);
    if CUSTOMERS.contains(scope, &customer) {
        // A customer who can't be erased has gone already.
        let _ = apply_inner(scope, &customers::Command::Erase { customer }.into());
    }
    sealed::erase_at(scope, person, at);
}

/// A customer is the person of the same bits: see [`customers::person_of`].
fn customer_of(person: PersonId) -> CustomerId {
    CustomerId::from_bits(person.bits())
}
