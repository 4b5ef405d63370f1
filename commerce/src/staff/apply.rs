//! Decides and evolves staff.

use super::command::{Command, Event};
use super::error::Refusal;
use super::model::*;
use super::views;
use crate::command::Reply;
use crate::ids::{ApiKeyId, StaffId, TenantId};
use crate::scope::{Scope, View};

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::Add { .. } => add(scope, command),
        Command::SetUp { staff, token_hash, password_hash } => {
            let mut member = known(scope, *staff)?;
            let link = member
                .setup
                .take()
                .filter(|link| link.token_hash == *token_hash && link.expires_at > scope.at());
            link.ok_or(Refusal::LinkOver)?;
            member.password_hash = Some(password_hash.clone());
            Ok(write(scope, member, Event::StaffSetUp { staff: *staff }))
        }
        Command::ChangePassword { staff, password_hash } => {
            let mut member = known(scope, *staff)?;
            member.password_hash = Some(password_hash.clone());
            member.setup = None;
            Ok(write(scope, member, Event::PasswordChanged { staff: *staff }))
        }
        Command::ChangeRole { staff, role } => {
            let mut member = known(scope, *staff)?;
            require_place(scope, *role)?;
            if *role != Role::Owner {
                require_other_owner(scope, &member)?;
            }
            let from = std::mem::replace(&mut member.role, *role);
            Ok(write(scope, member, Event::RoleChanged { staff: *staff, from, to: *role }))
        }
        Command::Deactivate { staff } => {
            let mut member = known(scope, *staff)?;
            require_other_owner(scope, &member)?;
            member.active = false;
            Ok(write(scope, member, Event::StaffDeactivated { staff: *staff }))
        }
        Command::Reactivate { staff } => {
            let mut member = known(scope, *staff)?;
            member.active = true;
            Ok(write(scope, member, Event::StaffReactivated { staff: *staff }))
        }
        Command::AddApiKey { name, secret_hash, scopes } => {
            if scopes.is_empty() {
                return Err(Refusal::NoScope);
            }
            if API_KEYS.list(scope, &(), API_KEYS_MAX).len() >= API_KEYS_MAX {
                return Err(Refusal::TooMany { max: API_KEYS_MAX as u32 });
            }
            let id = ApiKeyId::from_bits(scope.mint());
            let (name, secret_hash, scopes) = (name.clone(), *secret_hash, scopes.clone());
            let key = ApiKey {
                id,
                name,
                secret_hash,
                scopes: scopes.clone(),
                created_at: scope.at(),
                revoked_at: None,
            };
            API_KEYS.put(scope, &id, &key);
            API_KEYS_BY_HASH.put(scope, &secret_hash, &KeyRef(id));
            scope.emit(Event::ApiKeyAdded { key: id, scopes });
            Ok(Reply::about(id.bits(), 1))
        }
        Command::RevokeApiKey { key } => {
            let known = API_KEYS.get(scope, key).ok_or(Refusal::UnknownKey)?;
            let revoked_at = Some(known.revoked_at.unwrap_or(scope.at()));
            API_KEYS_BY_HASH.delete(scope, &known.secret_hash);
            API_KEYS.put(scope, key, &ApiKey { revoked_at, ..known });
            scope.emit(Event::ApiKeyRevoked { key: *key });
            Ok(Reply::about(key.bits(), 2))
        }
        Command::SaveView { .. } => views::save(scope, command),
        Command::DeleteView { view, by } => views::delete(scope, *view, *by),
    }
}

fn known(view: &impl View, staff: StaffId) -> Result<StaffMember, Refusal> {
    STAFF.get(view, &staff).ok_or(Refusal::UnknownStaff)
}

/// Operators belong to the platform, everybody else to a shop.
fn require_place(view: &impl View, role: Role) -> Result<(), Refusal> {
    let on_platform = view.tenant() == TenantId::PLATFORM;
    if on_platform == (role == Role::Operator) { Ok(()) } else { Err(Refusal::WrongPlace) }
}

/// Refuses to lose the last one who may let others in.
fn require_other_owner(view: &impl View, member: &StaffMember) -> Result<(), Refusal> {
    let leads = |role: Role| matches!(role, Role::Owner | Role::Operator);
    if !leads(member.role) {
        return Ok(());
    }
    let other =
        list(view).into_iter().any(|other| other.id != member.id && other.active && leads(other.role));
    if other { Ok(()) } else { Err(Refusal::LastOwner) }
}

fn add(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let Command::Add { staff, person, card, email_hash, role, password_hash, setup } = command else {
        unreachable!("called for Add only")
    };
    require_place(scope, *role)?;
    if STAFF_BY_EMAIL.contains(scope, email_hash) {
        return Err(Refusal::EmailTaken);
    }
    if list(scope).len() >= STAFF_MAX {
        return Err(Refusal::TooMany { max: STAFF_MAX as u32 });
    }
    person.remember(scope);
    STAFF_BY_EMAIL.put(scope, email_hash, &StaffRef(*staff));
    let member = StaffMember {
        id: *staff,
        revision: 0,
        card: card.clone(),
        email_hash: *email_hash,
        password_hash: password_hash.clone(),
        setup: *setup,
        role: *role,
        active: true,
        created_at: scope.at(),
        updated_at: scope.at(),
    };
    Ok(write(scope, member, Event::StaffAdded { staff: *staff, role: *role }))
}

fn write(scope: &mut Scope<'_, '_>, mut member: StaffMember, event: Event) -> Reply {
    member.revision += 1;
    member.updated_at = scope.at();
    let (id, revision) = (member.id, member.revision);
    STAFF.put(scope, &id, &member);
    scope.emit(event);
    Reply::about(id.bits(), revision)
}
