//! Facts about people: sealed bytes and keyed hashes.

use super::{Desk, Views};
use crate::command::{Command, Refusal};
use crate::customers::{self, CUSTOMERS, Command as Customers, Profile, Refusal as CustomerRefusal};
use crate::ids::{CustomerId, IdSource, StaffId};
use crate::intent::{CustomerIntent, StaffIntent};
use crate::sealed::{PersonRef, normal_email, open, seal};
use crate::staff::{self, Card, Command as Staff, Refusal as StaffRefusal, Role, SetupLink, ViewWords};

pub(super) fn complete_customer(
    intent: &CustomerIntent,
    desk: &Desk<'_>,
    views: &Views<'_>,
    ids: &mut IdSource,
) -> Result<Command, Refusal> {
    let command = match intent {
        CustomerIntent::Register { email, name, password_hash, locale } => {
            let customer = CustomerId::from_bits(ids.mint());
            let person = PersonRef::of(&views.region, desk.vault, customers::person_of(customer));
            let profile = Profile { email: email.clone(), name: name.clone(), phone: None };
            let profile =
                seal(&views.region, desk.vault, &person, &profile).map_err(|_| CustomerRefusal::Erased)?;
            let email_hash = desk.vault.hash(views.tenant, "email", normal_email(email).as_bytes());
            if customers::CUSTOMERS_BY_EMAIL.contains(&views.region, &email_hash) {
                return Err(CustomerRefusal::EmailTaken.into());
            }
            let (password_hash, locale) = (password_hash.clone(), locale.clone());
            Customers::Register { customer, person, profile, email_hash, password_hash, locale }
        }
        CustomerIntent::UpdateProfile { customer, name, phone, locale, if_revision } => {
            let known = CUSTOMERS.get(&views.region, customer).ok_or(CustomerRefusal::UnknownCustomer)?;
            if let Some(wanted) = if_revision
                && known.revision != *wanted
            {
                return Err(CustomerRefusal::Stale { revision: known.revision }.into());
            }
            let mut profile: Profile =
                open(&views.region, desk.vault, &known.profile).map_err(|_| CustomerRefusal::Erased)?;
            profile.name = name.clone().unwrap_or(profile.name);
            profile.phone = phone.clone().unwrap_or(profile.phone);
            let person = PersonRef::of(&views.region, desk.vault, known.profile.person());
            let profile =
                seal(&views.region, desk.vault, &person, &profile).map_err(|_| CustomerRefusal::Erased)?;
            let (locale, if_revision) = (locale.clone(), known.revision);
            Customers::UpdateProfile { customer: *customer, person, profile, locale, if_revision }
        }
        CustomerIntent::AddAddress { customer, address, default } => {
            put_address(desk, views, *customer, None, address, *default, None)?
        }
        CustomerIntent::UpdateAddress { customer, id, address, default, if_revision } => {
            put_address(desk, views, *customer, Some(*id), address, *default, *if_revision)?
        }
    };
    Ok(command.into())
}

fn put_address(
    desk: &Desk<'_>,
    views: &Views<'_>,
    customer: CustomerId,
    id: Option<crate::AddressId>,
    address: &crate::cart::Address,
    default: bool,
    if_revision: Option<u64>,
) -> Result<Customers, Refusal> {
    let person = PersonRef::of(&views.region, desk.vault, customers::person_of(customer));
    let sealed = seal(&views.region, desk.vault, &person, address).map_err(|_| CustomerRefusal::Erased)?;
    let country = address.country.clone();
    Ok(Customers::PutAddress { customer, id, person, address: sealed, country, default, if_revision })
}

/// How long a set-up link works.
const SETUP_LINK_MS: i64 = 2 * crate::time::DAY_MS;

pub(super) fn complete_staff(
    intent: &StaffIntent,
    desk: &Desk<'_>,
    views: &Views<'_>,
    ids: &mut IdSource,
) -> Result<Command, Refusal> {
    let command = match intent {
        StaffIntent::Add { email, name, role, password_hash, setup_token_hash } => {
            let role = Role::parse(role).ok_or_else(|| StaffRefusal::UnknownRole { role: role.clone() })?;
            let staff = StaffId::from_bits(ids.mint());
            let person = PersonRef::of(&views.world, desk.vault, staff::person_of(staff));
            let card = Card { email: email.clone(), name: name.clone() };
            let card = seal(&views.world, desk.vault, &person, &card).map_err(|_| StaffRefusal::Erased)?;
            let email_hash = desk.vault.hash(views.tenant, "email", normal_email(email).as_bytes());
            let expires_at = desk.now.plus_millis(SETUP_LINK_MS);
            let setup = setup_token_hash.map(|token_hash| SetupLink { token_hash, expires_at });
            Staff::Add { staff, person, card, email_hash, role, password_hash: password_hash.clone(), setup }
        }
        StaffIntent::ChangePassword { staff, password_hash } => {
            Staff::ChangePassword { staff: *staff, password_hash: password_hash.clone() }
        }
        StaffIntent::SaveView { view, by, list, shared, name, query } => {
            if query.len() > staff::VIEW_QUERY_MAX {
                return Err(StaffRefusal::NoView { query_max: staff::VIEW_QUERY_MAX as u32 }.into());
            }
            // A colleague's view stays under the colleague's key.
            let known = view.and_then(|view| staff::SAVED_VIEWS.get(&views.world, &view));
            let owner = known.map_or(*by, |known| known.owner);
            let person = PersonRef::of(&views.world, desk.vault, staff::person_of(owner));
            let words = ViewWords { name: name.to_string(), query: query.clone() };
            let words = seal(&views.world, desk.vault, &person, &words).map_err(|_| StaffRefusal::Erased)?;
            Staff::SaveView { view: *view, by: *by, list: *list, shared: *shared, person, words }
        }
    };
    Ok(command.into())
}
