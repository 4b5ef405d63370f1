//! A link in a mail that certifies itself: it holds a keyed hash over the account, the mail, and what it must not
//! outlive.

use super::visit::Visit;
use crate::auth::same_secret;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{CUSTOMERS, Customer};
use gearify_commerce::{CustomerId, MailId, TenantId, Timestamp, Vault, ids};

/// What links of one kind are for.
pub struct MailLink {
    /// Where it leads to, without the locale's prefix.
    pub path: &'static str,
    /// Keeps links of one kind from being taken for those of another.
    pub purpose: &'static str,
    pub good_for_ms: i64,
    /// Of the account: once it is another, the link is void.
    pub bound_to: fn(&Customer) -> String,
}

impl MailLink {
    pub fn path(&self, vault: &dyn Vault, tenant: TenantId, customer: &Customer, mail: MailId) -> String {
        format!("{}?token={}~{mail}~{}", self.path, customer.id, self.secret(vault, tenant, customer, mail))
    }

    fn secret(&self, vault: &dyn Vault, tenant: TenantId, customer: &Customer, mail: MailId) -> String {
        let text = format!("{}\n{mail}\n{}", customer.id, (self.bound_to)(customer));
        ids::encode_base32(u128::from_be_bytes(vault.hash(tenant, self.purpose, text.as_bytes())))
    }

    /// The account that a token is of, if it is good and still fresh.
    pub fn account_of(&self, visit: &Visit, token: &str) -> Option<Customer> {
        let mut parts = token.split('~');
        let (customer, mail, given) = (parts.next()?, parts.next()?, parts.next()?);
        let customer = CustomerId::parse(customer).ok()?;
        let mail = MailId::parse(mail).ok()?;
        let written = Timestamp::from_millis((mail.bits() >> 80) as i64);
        if visit.call.now().millis_since(written) > self.good_for_ms {
            return None;
        }
        let known = visit.call.read(GroupKind::Region, |view| CUSTOMERS.get(view, &customer))?;
        let ours = self.secret(visit.call.vault(), visit.shop.id(), &known, mail);
        same_secret(&ours, given).then_some(known)
    }
}
