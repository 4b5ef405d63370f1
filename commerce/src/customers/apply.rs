//! Decides and evolves customers. Sessions have a file of their own.

use super::command::{Command, Event};
use super::error::Refusal;
use super::model::*;
use super::session;
use crate::command::Reply;
use crate::ids::{AddressId, CustomerId};
use crate::scope::{Scope, View};
use crate::sealed;

const CONSENT_CHARS_MAX: usize = 64;

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::Register { .. } => register(scope, command),
        Command::UpdateProfile { customer, person, profile, locale, if_revision } => {
            let mut known = known(scope, *customer)?;
            if known.revision != *if_revision {
                return Err(Refusal::Stale { revision: known.revision });
            }
            person.remember(scope);
            known.profile = profile.clone();
            known.locale = locale.clone().unwrap_or(known.locale);
            Ok(write(scope, known))
        }
        Command::ChangePassword { customer, password_hash } => {
            let mut known = known(scope, *customer)?;
            known.password_hash = password_hash.clone();
            session::end_all(scope, Who::Customer(*customer));
            Ok(write(scope, known))
        }
        Command::VerifyEmail { customer } => {
            let mut known = known(scope, *customer)?;
            let email_hash = known.email_hash;
            let news = !std::mem::replace(&mut known.email_verified, true);
            let reply = write(scope, known);
            if news {
                scope.emit(Event::EmailVerified { customer: *customer, email_hash });
            }
            Ok(reply)
        }
        Command::PutAddress { .. } => put_address(scope, command),
        Command::RemoveAddress { customer, id } => {
            if !ADDRESSES.contains(scope, &(*customer, *id)) {
                return Err(Refusal::UnknownAddress);
            }
            ADDRESSES.delete(scope, &(*customer, *id));
            scope.emit(Event::AddressRemoved { customer: *customer, address: *id });
            Ok(Reply::about(id.bits(), 0))
        }
        Command::SetConsent { customer, purpose, granted, source, wording_version } => {
            known(scope, *customer)?;
            if [purpose, source, wording_version].iter().any(|text| text.chars().count() > CONSENT_CHARS_MAX)
            {
                return Err(Refusal::TooLong);
            }
            let consent = Consent {
                purpose: purpose.clone(),
                granted: *granted,
                source: source.clone(),
                wording_version: wording_version.clone(),
                at: scope.at(),
            };
            CONSENTS.put(scope, &(*customer, purpose.clone()), &consent);
            let (purpose, source, wording_version) =
                (purpose.clone(), source.clone(), wording_version.clone());
            scope.emit(Event::ConsentGiven {
                customer: *customer,
                purpose,
                granted: *granted,
                source,
                wording_version,
            });
            Ok(Reply::about(customer.bits(), 0))
        }
        Command::StartSession { session, who, token_hash, lifetime_ms } => {
            Ok(session::start(scope, *session, *who, *token_hash, *lifetime_ms))
        }
        Command::Rotate { session, presented, next, lifetime_ms } => {
            session::rotate(scope, *session, *presented, *next, *lifetime_ms)
        }
        Command::EndSession { session } => session::end(scope, *session),
        Command::EndSessionsOf { who } => {
            session::end_all(scope, *who);
            Ok(Reply::default())
        }
        Command::Erase { customer } => erase(scope, *customer),
        Command::SetWishes { customer, if_revision, wishes } => {
            known(scope, *customer)?;
            let before = PREFERENCES.get(scope, customer).map_or(0, |preferences| preferences.revision);
            if if_revision.is_some_and(|wanted| wanted != before) {
                return Err(Refusal::Stale { revision: before });
            }
            let revision = before + 1;
            PREFERENCES.put(scope, customer, &Preferences { revision, wishes: wishes.clone() });
            scope.emit(Event::WishesChanged { customer: *customer, revision });
            Ok(Reply::about(customer.bits(), revision))
        }
    }
}

/// More consents than there are purposes, of old ones too.
const CONSENTS_MAX: usize = 100;

fn erase(scope: &mut Scope<'_, '_>, id: CustomerId) -> Result<Reply, Refusal> {
    let customer = known(scope, id)?;
    session::end_all(scope, Who::Customer(id));
    for address in ADDRESSES.list(scope, &id, ADDRESSES_MAX) {
        ADDRESSES.delete(scope, &(id, address.id));
    }
    for consent in CONSENTS.list(scope, &id, CONSENTS_MAX) {
        CONSENTS.delete(scope, &(id, consent.purpose));
    }
    PREFERENCES.delete(scope, &id);
    CUSTOMERS_BY_EMAIL.delete(scope, &customer.email_hash);
    CUSTOMERS.delete(scope, &id);
    sealed::erase(scope, customer.profile.person());
    sealed::erase(scope, person_of(id));
    scope.emit(Event::CustomerErased { customer: id });
    Ok(Reply::about(id.bits(), 0))
}

fn known(view: &impl View, customer: CustomerId) -> Result<Customer, Refusal> {
    CUSTOMERS.get(view, &customer).ok_or(Refusal::UnknownCustomer)
}

fn register(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let Command::Register { customer, person, profile, email_hash, password_hash, locale } = command else {
        unreachable!("called for Register only")
    };
    if CUSTOMERS_BY_EMAIL.contains(scope, email_hash) {
        return Err(Refusal::EmailTaken);
    }
    person.remember(scope);
    CUSTOMERS_BY_EMAIL.put(scope, email_hash, &CustomerRef(*customer));
    let record = Customer {
        id: *customer,
        revision: 1,
        profile: profile.clone(),
        email_hash: *email_hash,
        email_verified: false,
        password_hash: password_hash.clone(),
        locale: locale.clone(),
        created_at: scope.at(),
        updated_at: scope.at(),
    };
    CUSTOMERS.put(scope, customer, &record);
    scope.emit(Event::CustomerRegistered { customer: *customer, locale: locale.clone() });
    Ok(Reply::about(customer.bits(), 1))
}

fn write(scope: &mut Scope<'_, '_>, mut customer: Customer) -> Reply {
    customer.revision += 1;
    customer.updated_at = scope.at();
    let (id, revision) = (customer.id, customer.revision);
    CUSTOMERS.put(scope, &id, &customer);
    scope.emit(Event::CustomerUpdated { customer: id, revision });
    Reply::about(id.bits(), revision)
}

fn put_address(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let Command::PutAddress { customer, id, person, address, country, default, if_revision } = command else {
        unreachable!("called for PutAddress only")
    };
    known(scope, *customer)?;
    let book = ADDRESSES.list(scope, customer, ADDRESSES_MAX);
    let existing = match id {
        Some(id) => Some(book.iter().find(|known| known.id == *id).ok_or(Refusal::UnknownAddress)?),
        None if book.len() >= ADDRESSES_MAX => {
            return Err(Refusal::TooManyAddresses { max: ADDRESSES_MAX as u32 });
        }
        None => None,
    };
    if let (Some(known), Some(wanted)) = (existing, if_revision)
        && known.revision != *wanted
    {
        return Err(Refusal::Stale { revision: known.revision });
    }
    person.remember(scope);
    let revision = existing.map_or(1, |known| known.revision + 1);
    let address_id = existing.map_or_else(|| AddressId::from_bits(scope.mint()), |known| known.id);
    if *default {
        for other in book.iter().filter(|other| other.default && other.id != address_id) {
            ADDRESSES.put(scope, &(*customer, other.id), &SavedAddress { default: false, ..other.clone() });
        }
    }
    let record = SavedAddress {
        id: address_id,
        customer: *customer,
        revision,
        address: address.clone(),
        country: country.clone(),
        default: *default || book.is_empty(),
    };
    ADDRESSES.put(scope, &(*customer, address_id), &record);
    let (customer, address) = (*customer, address_id);
    scope.emit(match existing {
        Some(_) => Event::AddressUpdated { customer, address },
        None => Event::AddressAdded { customer, address },
    });
    Ok(Reply::about(address_id.bits(), revision))
}
