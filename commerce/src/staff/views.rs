//! Views of lists: filters, order and columns under a name, for oneself or for everybody of the shop.
//!
//! What somebody looks for may name a customer, so name and question are sealed under the key of the view's
//! owner. A shared view is changed by its owner, and by those who may change the shop's settings.

use super::command::{Command, Event};
use super::error::Refusal;
use super::model::{Permission, STAFF};
use crate::command::Reply;
use crate::ids::{StaffId, ViewId};
use crate::scope::{Scope, Table, View};
use crate::sealed::Sealed;
use crate::time::Timestamp;
use crate::version::{self, StateVersion};
use serde::{Deserialize, Serialize};

/// The rules and records of this program are those of its newest version: older programs can't read a view.
pub const VIEWS: StateVersion = version::GUESTS;
/// Of one shop.
pub const VIEWS_MAX: usize = 200;
/// Longer than any address that the console makes.
pub const VIEW_QUERY_MAX: usize = 2_000;

super::model::words! {
    /// Lists that views are of. The order of variants is stored: only append.
    ViewList {
        Orders = "orders",
        Products = "products",
        Stock = "stock",
        Customers = "customers",
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedView {
    pub id: ViewId,
    pub revision: u64,
    pub owner: StaffId,
    pub list: ViewList,
    /// Everybody of the shop sees it.
    pub shared: bool,
    pub words: Sealed<ViewWords>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
gearify_storage::first_version!(SavedView);

/// Personal: only inside [`Sealed`], or in memory on its way there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewWords {
    pub name: String,
    /// The list's address behind the question mark.
    pub query: String,
}

impl std::fmt::Debug for ViewWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ViewWords")
    }
}

pub const SAVED_VIEWS: Table<ViewId, SavedView> = Table::new(34);

/// The views of a list that this person sees, in the order they were made.
pub fn views_of(view: &(impl View + ?Sized), staff: StaffId, list: ViewList) -> Vec<SavedView> {
    let mut all = SAVED_VIEWS.list(view, &(), VIEWS_MAX);
    all.retain(|saved| saved.list == list && (saved.shared || saved.owner == staff));
    all
}

/// Whether this person may change or delete the view.
pub fn may_change(view: &(impl View + ?Sized), saved: &SavedView, by: StaffId) -> bool {
    let leads = || {
        let member = STAFF.get(view, &by);
        member.is_some_and(|member| member.active && member.role.may(Permission::SettingsWrite))
    };
    saved.owner == by || (saved.shared && leads())
}

pub(super) fn save(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let Command::SaveView { view, by, list, shared, person, words } = command else {
        unreachable!("called for SaveView only")
    };
    if !scope.follows(VIEWS) {
        return Err(Refusal::NotYet);
    }
    if !STAFF.contains(scope, by) {
        return Err(Refusal::UnknownStaff);
    }
    let at = scope.at();
    let saved = match view {
        Some(id) => {
            let known = changeable(scope, *id, *by)?;
            SavedView { revision: known.revision + 1, shared: *shared, updated_at: at, ..known }
        }
        None => {
            if SAVED_VIEWS.list(scope, &(), VIEWS_MAX).len() >= VIEWS_MAX {
                return Err(Refusal::TooMany { max: VIEWS_MAX as u32 });
            }
            SavedView {
                id: ViewId::from_bits(scope.mint()),
                revision: 1,
                owner: *by,
                list: *list,
                shared: *shared,
                words: words.clone(),
                created_at: at,
                updated_at: at,
            }
        }
    };
    person.remember(scope);
    let saved = SavedView { words: words.clone(), ..saved };
    SAVED_VIEWS.put(scope, &saved.id, &saved);
    scope.emit(Event::ViewSaved {
        view: saved.id,
        owner: saved.owner,
        list: saved.list,
        shared: saved.shared,
    });
    Ok(Reply::about(saved.id.bits(), saved.revision))
}

pub(super) fn delete(scope: &mut Scope<'_, '_>, id: ViewId, by: StaffId) -> Result<Reply, Refusal> {
    let known = changeable(scope, id, by)?;
    SAVED_VIEWS.delete(scope, &id);
    scope.emit(Event::ViewDeleted { view: id, owner: known.owner });
    Ok(Reply::about(id.bits(), known.revision + 1))
}

/// Somebody else's own view is as good as none.
fn changeable(view: &impl View, id: ViewId, by: StaffId) -> Result<SavedView, Refusal> {
    let known = SAVED_VIEWS.get(view, &id).filter(|known| known.shared || known.owner == by);
    let known = known.ok_or(Refusal::UnknownView)?;
    if may_change(view, &known, by) { Ok(known) } else { Err(Refusal::NotYourView) }
}
