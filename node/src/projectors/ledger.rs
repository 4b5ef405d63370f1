//! The ledger: payments, what moved, and balanced double-entry postings, in `ledger.db`. Postings are named by
//! their place in the log, so each shard of the region has a file of its own.
//!
//! Invariant, checked before each event's rows are committed: its postings sum to zero in their
//! currency. Source of truth: the payment events; the file can be deleted and is computed again.

use super::{Projected, Projector, ProjectorError, shard_name};
use gearify_commerce::event::{Envelope, Event};
use gearify_commerce::payments::Event as Payment;
use gearify_commerce::{Currency, GroupKind, OrderId, PaymentId, RefundId, Shard, Site, TenantId};
use gearify_storage::{EventPosition, ProjectionDb, ProjectionError, Schema};
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const SCHEMA: Schema = Schema { version: 2, sql: include_str!("ledger.sql") };
const NAME: &str = "ledger";

pub struct Ledger {
    db: Arc<ProjectionDb>,
    shard: Shard,
}

impl Ledger {
    /// Opens a shard's file, or begins it anew where it is damaged or of another version, and says so.
    pub fn open(path: &Path, shard: Shard) -> Result<(Ledger, Option<ProjectionError>), ProjectionError> {
        let (db, reason) = ProjectionDb::open_or_rebuild(path, SCHEMA)?;
        Ok((Ledger { db: Arc::new(db), shard }, reason))
    }

    /// The file, to be read.
    pub fn db(&self) -> Arc<ProjectionDb> {
        self.db.clone()
    }
}

impl Projector for Ledger {
    fn name(&self) -> &'static str {
        shard_name(NAME, self.shard)
    }

    fn groups(&self) -> &'static [GroupKind] {
        &[GroupKind::Region]
    }

    fn position(&self, _: GroupKind) -> Result<Option<EventPosition>, ProjectorError> {
        Ok(self.db.position(NAME)?)
    }

    fn project(
        &mut self,
        _: GroupKind,
        events: &[Projected],
        to: EventPosition,
    ) -> Result<(), ProjectorError> {
        self.db.transact(NAME, to, |tx| {
            for Projected { position, envelope } in events {
                if let Event::Payments(event) = &envelope.event {
                    Book { tx, at: *position, envelope }.take(event)?;
                }
            }
            Ok(())
        })
    }
}

/// What the ledger says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Balance {
    pub payments: u64,
    pub postings: u64,
    /// Events whose postings do not sum to zero: none, or the ledger is wrong.
    pub unbalanced_events: u64,
    /// Payments whose sums differ from their transactions'.
    pub wrong_sums: u64,
    /// Payments where the provider took another amount than was asked.
    pub discrepancies: u64,
}

/// Adds the whole ledger up.
pub fn balance(db: &ProjectionDb) -> Result<Balance, ProjectionError> {
    db.read(|db| {
        let count = |sql: &str| -> Result<u64, rusqlite::Error> {
            Ok(db.query_row(sql, [], |row| row.get::<_, i64>(0))? as u64)
        };
        Ok(Balance {
            payments: count("SELECT count(*) FROM payments")?,
            postings: count("SELECT count(*) FROM postings")?,
            unbalanced_events: count(
                "SELECT count(*) FROM (SELECT 1 FROM postings GROUP BY log_index, n, currency HAVING sum(amount) <> 0)",
            )?,
            wrong_sums: count(
                "SELECT count(*) FROM payments p WHERE captured <> coalesce((SELECT sum(amount) FROM payment_transactions
                   WHERE payment_id = p.id AND kind = 'charge' AND status = 'succeeded'), 0)
                 OR refunded <> coalesce((SELECT sum(amount) FROM payment_transactions
                   WHERE payment_id = p.id AND kind = 'refund' AND status = 'succeeded'), 0)",
            )?,
            discrepancies: count("SELECT count(*) FROM payment_reconciliation WHERE status = 'discrepancy'")?,
        })
    })
}

/// What each payment of the sites that are `wanted` captured and gave back, as the ledger has it.
pub fn moved(
    db: &ProjectionDb,
    wanted: impl Fn(TenantId, Site) -> bool,
) -> Result<BTreeMap<PaymentId, (i64, i64)>, ProjectionError> {
    db.read(|db| {
        let mut rows = db.prepare("SELECT id, captured, refunded, tenant, site FROM payments")?;
        let row = |row: &rusqlite::Row<'_>| {
            let id = PaymentId::from_bits(u128::from_be_bytes(row.get(0)?));
            let tenant = TenantId::from_bits(u128::from_be_bytes(row.get(3)?));
            Ok(((id, (row.get(1)?, row.get(2)?)), (tenant, Site(row.get(4)?))))
        };
        let all: Vec<_> = rows.query_map([], row)?.collect::<Result<_, _>>()?;
        let wanted = all.into_iter().filter(|(_, (tenant, site))| wanted(*tenant, *site));
        Ok(wanted.map(|(payment, _)| payment).collect())
    })
}

/// One event being entered.
struct Book<'a> {
    tx: &'a Transaction<'a>,
    at: EventPosition,
    envelope: &'a Envelope,
}

/// An amount that moved at a provider.
struct Moved<'a> {
    payment: PaymentId,
    kind: &'static str,
    status: &'static str,
    amount: i64,
    currency: Currency,
    provider: &'a str,
    reference: Option<&'a str>,
}

impl Book<'_> {
    fn take(&self, event: &Payment) -> Result<(), ProjectorError> {
        match event {
            Payment::PaymentInitiated { payment, order, provider, amount, currency } => {
                self.begin(*payment, *order, provider, *amount, *currency)
            }
            Payment::PaymentAuthorised { payment, .. } => self.set_status(*payment, "authorised", None),
            Payment::PaymentCompleted { payment, order, provider, amount, currency, reference } => {
                self.capture(*payment, *amount, reference)?;
                self.reconcile(*payment, *amount)?;
                self.moved(&Moved {
                    payment: *payment,
                    kind: "charge",
                    status: "succeeded",
                    amount: *amount,
                    currency: *currency,
                    provider,
                    reference: Some(reference),
                })?;
                let lines = [(format!("provider:{provider}"), *amount), ("sales".to_owned(), -*amount)];
                self.post(*payment, *order, *currency, &lines)
            }
            Payment::PaymentFailed { payment, provider, code, .. } => {
                self.set_status(*payment, "failed", Some(code))?;
                let (amount, currency) = self.asked(*payment)?;
                let (kind, status) = ("charge", "failed");
                self.moved(&Moved {
                    payment: *payment,
                    kind,
                    status,
                    amount,
                    currency,
                    provider,
                    reference: None,
                })
            }
            Payment::PaymentVoided { payment, .. } => self.set_status(*payment, "voided", None),
            Payment::RefundInitiated { refund, payment, order, amount, currency } => {
                self.begin_refund(*refund, *payment, *order, *amount, *currency)
            }
            Payment::RefundProcessed { refund, payment, order, provider, amount, currency, reference } => {
                self.end_refund(*refund, "succeeded", Some(reference), None)?;
                self.exec(
                    "UPDATE payments SET refunded = refunded + ?2, updated_at = ?3 WHERE id = ?1",
                    params![id(payment.bits()), amount, self.time()],
                )?;
                self.moved(&Moved {
                    payment: *payment,
                    kind: "refund",
                    status: "succeeded",
                    amount: *amount,
                    currency: *currency,
                    provider,
                    reference: Some(reference),
                })?;
                let lines = [("refunds".to_owned(), *amount), (format!("provider:{provider}"), -*amount)];
                self.post(*payment, *order, *currency, &lines)
            }
            Payment::RefundFailed { refund, payment, amount, currency, reason, .. } => {
                self.end_refund(*refund, "failed", None, Some(reason))?;
                let provider = self.provider_of(*payment)?;
                let (kind, status) = ("refund", "failed");
                let (amount, currency) = (*amount, *currency);
                let provider = provider.as_str();
                self.moved(&Moved {
                    payment: *payment,
                    kind,
                    status,
                    amount,
                    currency,
                    provider,
                    reference: None,
                })
            }
        }
    }

    fn begin(
        &self,
        payment: PaymentId,
        order: OrderId,
        provider: &str,
        amount: i64,
        currency: Currency,
    ) -> Result<(), ProjectorError> {
        let (tenant, site) = self.scope();
        self.exec(
            "INSERT INTO payments (id, tenant, site, order_id, provider, amount, currency, status, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?8)",
            params![id(payment.bits()), tenant, site, id(order.bits()), provider, amount, currency.as_str(), self.time()],
        )?;
        self.exec(
            "INSERT INTO payment_reconciliation (payment_id, provider, expected, status, updated_at)
             VALUES (?1, ?2, ?3, 'pending', ?4)",
            params![id(payment.bits()), provider, amount, self.time()],
        )?;
        self.exec(
            "INSERT INTO payment_methods (tenant, site, provider, first_used_at, last_used_at, uses)
             VALUES (?1, ?2, ?3, ?4, ?4, 1)
             ON CONFLICT DO UPDATE SET last_used_at = excluded.last_used_at, uses = uses + 1",
            params![tenant, site, provider, self.time()],
        )
    }

    fn capture(&self, payment: PaymentId, amount: i64, reference: &str) -> Result<(), ProjectorError> {
        self.exec(
            "UPDATE payments SET captured = captured + ?2, reference = ?3, decline_code = NULL, updated_at = ?4,
               status = CASE WHEN captured + ?2 < amount THEN 'partially_captured' ELSE 'captured' END
             WHERE id = ?1",
            params![id(payment.bits()), amount, reference, self.time()],
        )
    }

    fn reconcile(&self, payment: PaymentId, actual: i64) -> Result<(), ProjectorError> {
        self.exec(
            "UPDATE payment_reconciliation SET actual = ?2, difference = ?2 - expected, updated_at = ?3,
               status = CASE WHEN expected = ?2 THEN 'matched' ELSE 'discrepancy' END
             WHERE payment_id = ?1",
            params![id(payment.bits()), actual, self.time()],
        )
    }

    fn set_status(
        &self,
        payment: PaymentId,
        status: &str,
        code: Option<&String>,
    ) -> Result<(), ProjectorError> {
        self.exec(
            "UPDATE payments SET status = ?2, decline_code = ?3, updated_at = ?4 WHERE id = ?1",
            params![id(payment.bits()), status, code, self.time()],
        )
    }

    fn begin_refund(
        &self,
        refund: RefundId,
        payment: PaymentId,
        order: OrderId,
        amount: i64,
        currency: Currency,
    ) -> Result<(), ProjectorError> {
        self.exec(
            "INSERT INTO refunds (id, payment_id, order_id, amount, currency, status, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?6)",
            params![
                id(refund.bits()),
                id(payment.bits()),
                id(order.bits()),
                amount,
                currency.as_str(),
                self.time()
            ],
        )
    }

    fn end_refund(
        &self,
        refund: RefundId,
        status: &str,
        reference: Option<&String>,
        failure: Option<&String>,
    ) -> Result<(), ProjectorError> {
        self.exec(
            "UPDATE refunds SET status = ?2, reference = ?3, failure = ?4, updated_at = ?5 WHERE id = ?1",
            params![id(refund.bits()), status, reference, failure, self.time()],
        )
    }

    fn moved(&self, moved: &Moved<'_>) -> Result<(), ProjectorError> {
        self.exec(
            "INSERT INTO payment_transactions
               (log_index, n, payment_id, kind, amount, currency, status, provider, reference, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                self.at.index as i64,
                self.at.n,
                id(moved.payment.bits()),
                moved.kind,
                moved.amount,
                moved.currency.as_str(),
                moved.status,
                moved.provider,
                moved.reference,
                self.time(),
            ],
        )
    }

    fn post(
        &self,
        payment: PaymentId,
        order: OrderId,
        currency: Currency,
        lines: &[(String, i64)],
    ) -> Result<(), ProjectorError> {
        let sum: i64 = lines.iter().map(|(_, amount)| amount).sum();
        if sum != 0 {
            return Err(ProjectorError::Broken(format!(
                "the postings of event {} sum to {sum}, not zero",
                self.at
            )));
        }
        let (tenant, site) = self.scope();
        for ((account, amount), line) in lines.iter().zip(0u32..) {
            self.exec(
                "INSERT INTO postings
                   (log_index, n, line, tenant, site, account, amount, currency, payment_id, order_id, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    self.at.index as i64,
                    self.at.n,
                    line,
                    tenant,
                    site,
                    account,
                    amount,
                    currency.as_str(),
                    id(payment.bits()),
                    id(order.bits()),
                    self.time(),
                ],
            )?;
        }
        Ok(())
    }

    /// What a payment was to collect.
    fn asked(&self, payment: PaymentId) -> Result<(i64, Currency), ProjectorError> {
        let sql = "SELECT amount, currency FROM payments WHERE id = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
        let found = self.tx.prepare_cached(sql)?.query_row([id(payment.bits())], row).optional()?;
        let (amount, code) = found.ok_or_else(|| missing(payment))?;
        let currency = Currency::parse(&code).map_err(|_| missing(payment))?;
        Ok((amount, currency))
    }

    fn provider_of(&self, payment: PaymentId) -> Result<String, ProjectorError> {
        let sql = "SELECT provider FROM payments WHERE id = ?1";
        let found =
            self.tx.prepare_cached(sql)?.query_row([id(payment.bits())], |row| row.get(0)).optional()?;
        found.ok_or_else(|| missing(payment))
    }

    fn scope(&self) -> ([u8; 16], u16) {
        (id(self.envelope.tenant.bits()), self.envelope.site.0)
    }

    fn time(&self) -> i64 {
        self.envelope.at.as_millis()
    }

    fn exec(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), ProjectorError> {
        self.tx.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}

fn missing(payment: PaymentId) -> ProjectorError {
    ProjectorError::Broken(format!("{payment} is not in the ledger, though its events are"))
}

fn id(bits: u128) -> [u8; 16] {
    bits.to_be_bytes()
}
