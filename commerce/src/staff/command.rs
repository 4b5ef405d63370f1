//! What may be asked of staff, and what is reported.

use super::model::{Card, Permission, Role, SetupLink};
use super::views::{ViewList, ViewWords};
use crate::ids::{ApiKeyId, StaffId, ViewId};
use crate::sealed::{KeyedHash, PersonRef, Sealed};
use crate::text::Name;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    Add {
        staff: StaffId,
        person: PersonRef,
        card: Sealed<Card>,
        email_hash: KeyedHash,
        role: Role,
        password_hash: Option<String>,
        setup: Option<SetupLink>,
    },
    /// Uses the set-up link: once, and before it expires.
    SetUp {
        staff: StaffId,
        token_hash: KeyedHash,
        password_hash: String,
    },
    ChangePassword {
        staff: StaffId,
        password_hash: String,
    },
    ChangeRole {
        staff: StaffId,
        role: Role,
    },
    Deactivate {
        staff: StaffId,
    },
    Reactivate {
        staff: StaffId,
    },
    AddApiKey {
        name: Name,
        secret_hash: KeyedHash,
        scopes: Vec<Permission>,
    },
    RevokeApiKey {
        key: ApiKeyId,
    },
    /// Keeps a view of a list, or changes one; known since [`super::VIEWS`].
    SaveView {
        view: Option<ViewId>,
        by: StaffId,
        list: ViewList,
        shared: bool,
        /// The view's owner.
        person: PersonRef,
        words: Sealed<ViewWords>,
    },
    DeleteView {
        view: ViewId,
        by: StaffId,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    StaffAdded { staff: StaffId, role: Role },
    StaffSetUp { staff: StaffId },
    PasswordChanged { staff: StaffId },
    RoleChanged { staff: StaffId, from: Role, to: Role },
    StaffDeactivated { staff: StaffId },
    StaffReactivated { staff: StaffId },
    ApiKeyAdded { key: ApiKeyId, scopes: Vec<Permission> },
    ApiKeyRevoked { key: ApiKeyId },
    ViewSaved { view: ViewId, owner: StaffId, list: ViewList, shared: bool },
    ViewDeleted { view: ViewId, owner: StaffId },
}

impl Event {
    /// The member that it is about; keys and views are records of their own.
    pub fn member(&self) -> Option<StaffId> {
        match self {
            Event::StaffAdded { staff, .. }
            | Event::StaffSetUp { staff }
            | Event::PasswordChanged { staff }
            | Event::RoleChanged { staff, .. }
            | Event::StaffDeactivated { staff }
            | Event::StaffReactivated { staff } => Some(*staff),
            Event::ApiKeyAdded { .. }
            | Event::ApiKeyRevoked { .. }
            | Event::ViewSaved { .. }
            | Event::ViewDeleted { .. } => None,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Event::StaffAdded { .. } => "staff.added",
            Event::StaffSetUp { .. } => "staff.set_up",
            Event::PasswordChanged { .. } => "staff.password_changed",
            Event::RoleChanged { .. } => "staff.role_changed",
            Event::StaffDeactivated { .. } => "staff.deactivated",
            Event::StaffReactivated { .. } => "staff.reactivated",
            Event::ApiKeyAdded { .. } => "api_key.added",
            Event::ApiKeyRevoked { .. } => "api_key.revoked",
            Event::ViewSaved { .. } => "staff.view_saved",
            Event::ViewDeleted { .. } => "staff.view_deleted",
        }
    }
}
