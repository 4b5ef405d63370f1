//! The book's rows: how payments, refunds, keys and events are read and written within one request.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::book::{Answer, Keyed, now_unix, now_unix_ms};
use super::model::{Event, EventData, EventKind, Payment, PaymentStatus, Refund};

/// Ids contain the book's own random name, so that those of a new book never look like an old one's.
pub(super) const PAYMENT: &str =
    "SELECT 'tpay_' || (SELECT name FROM book) || '_' || payments.seq, payments.status, decline_code,
    payments.amount, amount_captured, amount_refunded, currency, reference, payments.created FROM payments";
pub(super) const REFUND: &str = "SELECT 'tref_' || (SELECT name FROM book) || '_' || refunds.seq,
    'tpay_' || (SELECT name FROM book) || '_' || refunds.payment, refunds.amount, currency, refunds.created
    FROM refunds JOIN payments ON payments.seq = refunds.payment";

pub(super) fn replay(book: &Connection, keyed: &Keyed) -> rusqlite::Result<Option<Answer>> {
    let found = book
        .prepare_cached("SELECT request_hash, status, body, withheld, payment FROM keys WHERE key = ?1")?
        .query_row([&keyed.key], |row| {
            let answer =
                Answer { status: row.get(1)?, body: row.get(2)?, withheld: row.get(3)?, replayed: true };
            Ok((row.get::<_, Vec<u8>>(0)?, answer, row.get::<_, Option<i64>>(4)?))
        })
        .optional()?;
    let Some((request_hash, mut answer, payment)) = found else { return Ok(None) };
    if request_hash != keyed.request_hash {
        let refusal = Answer::refusal(422, "key_reused", "this key was used for another request");
        return Ok(Some(refusal));
    }
    if let (true, Some(seq)) = (answer.withheld, payment) {
        // No answer was ever given, so the first one may tell the payment as it is by now.
        let payment = payment_at(book, seq)?;
        answer.withheld = payment.status == PaymentStatus::Pending;
        answer.body = Answer::created(&payment).body;
    }
    Ok(Some(answer))
}

pub(super) enum Subject {
    Payment(i64),
    Refund(i64),
}

pub(super) fn remember(
    book: &Connection,
    keyed: &Keyed,
    answer: &Answer,
    subject: Subject,
) -> rusqlite::Result<()> {
    let (payment, refund) = match subject {
        Subject::Payment(seq) => (Some(seq), None),
        Subject::Refund(seq) => (None, Some(seq)),
    };
    book.prepare_cached(
        "INSERT INTO keys (key, request_hash, status, body, withheld, payment, refund)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        keyed.key,
        keyed.request_hash,
        answer.status,
        answer.body,
        answer.withheld,
        payment,
        refund
    ])
    .map(drop)
}

pub(super) fn enter(
    book: &Connection,
    seq: i64,
    status: PaymentStatus,
    decline_code: Option<&str>,
    captured: i64,
) -> rusqlite::Result<Payment> {
    book.prepare_cached(
        "UPDATE payments SET status = ?2, decline_code = ?3, amount_captured = ?4 WHERE seq = ?1",
    )?
    .execute(params![seq, status.as_str(), decline_code, captured])?;
    let payment = payment_at(book, seq)?;
    report(book, seq, &payment, None)?;
    Ok(payment)
}

/// Queues the event about what just happened to a payment, if somebody wants to hear of it.
pub(super) fn report(
    book: &Connection,
    seq: i64,
    payment: &Payment,
    refund: Option<&Refund>,
) -> rusqlite::Result<()> {
    let kind = match (refund, payment.status) {
        (Some(_), _) => EventKind::RefundSucceeded,
        (None, PaymentStatus::Succeeded) => EventKind::PaymentSucceeded,
        (None, PaymentStatus::Declined) => EventKind::PaymentFailed,
        (None, PaymentStatus::Pending | PaymentStatus::RequiresCapture | PaymentStatus::Cancelled) => {
            return Ok(());
        }
    };
    let url: Option<String> = book
        .prepare_cached("SELECT webhook_url FROM payments WHERE seq = ?1")?
        .query_row([seq], |row| row.get(0))?;
    let Some(url) = url else { return Ok(()) };
    book.prepare_cached("INSERT INTO events (url, body, due_ms) VALUES (?1, '', ?2)")?
        .execute(params![url, now_unix_ms()])?;
    let event_seq = book.last_insert_rowid();
    let name: String = book.prepare_cached("SELECT name FROM book")?.query_row([], |row| row.get(0))?;
    let event = Event {
        id: format!("tevt_{name}_{event_seq}"),
        kind,
        created: now_unix(),
        data: EventData { payment: payment.clone(), refund: refund.cloned() },
    };
    let body = serde_json::to_string(&event).expect("the model always has a JSON form");
    book.prepare_cached("UPDATE events SET body = ?2 WHERE seq = ?1")?
        .execute(params![event_seq, body])
        .map(drop)
}

pub(super) fn payment_at(book: &Connection, seq: i64) -> rusqlite::Result<Payment> {
    book.prepare_cached(&format!("{PAYMENT} WHERE payments.seq = ?1"))?.query_row([seq], payment_row)
}

pub(super) fn refund_at(book: &Connection, seq: i64) -> rusqlite::Result<Refund> {
    book.prepare_cached(&format!("{REFUND} WHERE refunds.seq = ?1"))?.query_row([seq], refund_row)
}

pub(super) fn payment_by_id(book: &Connection, id: &str) -> rusqlite::Result<Option<(i64, Payment)>> {
    let Some(seq) = id.rsplit('_').next().and_then(|seq| seq.parse::<i64>().ok()) else { return Ok(None) };
    let found = payment_at(book, seq).optional()?;
    // The number alone is not enough: another book's id is unknown here.
    Ok(found.filter(|payment| payment.id == id).map(|payment| (seq, payment)))
}

pub(super) fn payment_row(row: &Row<'_>) -> rusqlite::Result<Payment> {
    let status: String = row.get(1)?;
    Ok(Payment {
        id: row.get(0)?,
        status: PaymentStatus::parse(&status)
            .ok_or_else(|| rusqlite::Error::InvalidColumnType(1, status, rusqlite::types::Type::Text))?,
        decline_code: row.get(2)?,
        amount: row.get(3)?,
        amount_captured: row.get(4)?,
        amount_refunded: row.get(5)?,
        currency: row.get(6)?,
        reference: row.get(7)?,
        created: row.get(8)?,
    })
}

pub(super) fn refund_row(row: &Row<'_>) -> rusqlite::Result<Refund> {
    Ok(Refund {
        id: row.get(0)?,
        payment_id: row.get(1)?,
        amount: row.get(2)?,
        currency: row.get(3)?,
        created: row.get(4)?,
    })
}
