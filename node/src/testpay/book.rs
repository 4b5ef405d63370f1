//! The provider's book: what it promised, on disk before it is said.
//!
//! Contract: when a call returns, its effect is synced (SQLite, WAL, `synchronous=FULL`). One thread owns the
//! file; requests that wait at the same time share one transaction, so that many small payments do not cost
//! a sync each. The payment, the answer stored under its key and the event about it are written together.
//! A second process on the same book is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::{mpsc, oneshot};

use super::model::{
    Capture, CreatePayment, DECLINED, Outcome, Payment, PaymentStatus, Refund, Refusal, RefusalBody,
    Statement, Token,
};
use super::rows::{
    PAYMENT, REFUND, Subject, enter, payment_at, payment_by_id, payment_row, refund_at, refund_row, remember,
    replay, report,
};

#[derive(Debug, Clone, thiserror::Error)]
pub enum BookError {
    #[error("cannot open the book {}: {reason}", file.display())]
    Open { file: PathBuf, reason: String },
    #[error("the book cannot be written: {reason}")]
    Write { reason: String },
    #[error("the book is closed")]
    Closed,
}

impl From<rusqlite::Error> for BookError {
    fn from(error: rusqlite::Error) -> BookError {
        BookError::Write { reason: error.to_string() }
    }
}

/// What a caller is told; kept under the key it asked with, and told again whenever it asks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: u16,
    pub body: String,
    pub replayed: bool,
    /// The caller must not get an answer at all: see [`Token::Timeout`].
    pub withheld: bool,
}

impl Answer {
    fn new(status: u16, body: &impl serde::Serialize) -> Answer {
        let body = serde_json::to_string(body).expect("the model always has a JSON form");
        Answer { status, body, replayed: false, withheld: false }
    }

    pub fn refusal(status: u16, code: &str, message: impl Into<String>) -> Answer {
        let error = Refusal { code: code.to_owned(), message: message.into() };
        Answer::new(status, &RefusalBody { error })
    }

    pub fn ok(body: &impl serde::Serialize) -> Answer {
        Answer::new(200, body)
    }

    pub fn created(body: &impl serde::Serialize) -> Answer {
        Answer::new(201, body)
    }
}

/// Which request a key belongs to: the key itself, and a hash of what was asked with it.
#[derive(Debug, Clone)]
pub(super) struct Keyed {
    pub key: String,
    pub request_hash: [u8; 32],
}

/// An event that has not been delivered yet.
#[derive(Debug, Clone)]
pub(super) struct Undelivered {
    pub seq: i64,
    pub url: String,
    pub body: String,
    pub attempts: u32,
}

/// Handle to the thread that owns the file.
pub(super) struct Book {
    /// `None` only while dropping.
    queue: Option<mpsc::Sender<Work>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Given the connection inside a transaction, or the reason why there is none.
type Work = Box<dyn FnOnce(Result<&Connection, BookError>) -> Reply + Send>;
/// Told after the commit whether it succeeded.
type Reply = Box<dyn FnOnce(Result<(), BookError>) + Send>;

/// Requests waiting for the thread; more wait in the server's own queue of connections.
const QUEUE_MAX: usize = 1024;
/// Requests sharing one transaction: enough to spread the sync, few enough to keep answers quick.
const TRANSACTION_MAX: usize = 128;

impl Book {
    pub fn open(file: &Path) -> Result<Book, BookError> {
        let refuse = |error: rusqlite::Error| {
            let reason = match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DatabaseBusy) => "another process has it open".to_owned(),
                _ => error.to_string(),
            };
            BookError::Open { file: file.to_owned(), reason }
        };
        let connection = open_connection(file).map_err(refuse)?;
        let (queue, works) = mpsc::channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("testpay-book".to_owned())
            .spawn(move || work_through(&connection, works))
            .map_err(|error| BookError::Open { file: file.to_owned(), reason: error.to_string() })?;
        Ok(Book { queue: Some(queue), thread: Some(thread) })
    }

    /// Runs `work` on the book's thread and returns once what it wrote is on disk. If it fails, nothing of
    /// it stays. Dropping the returned future does not undo it.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BookError> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let result = connection.and_then(|connection| Ok(within_savepoint(connection, work)?));
            Box::new(move |committed| {
                // Whoever asked may have gone; the effect stays, as it would at a real provider.
                let _ = answer.send(committed.and(result));
            })
        });
        let queue = self.queue.as_ref().ok_or(BookError::Closed)?;
        queue.send(work).await.map_err(|_| BookError::Closed)?;
        answered.await.map_err(|_| BookError::Closed)?
    }

    pub async fn create(
        &self,
        keyed: Keyed,
        request: CreatePayment,
        token: Token,
        url: Option<String>,
    ) -> Result<Answer, BookError> {
        self.run(move |book| {
            if let Some(answer) = replay(book, &keyed)? {
                return Ok(answer);
            }
            let status = token.first_status(request.capture);
            book.prepare_cached(
                "INSERT INTO payments
                 (token, status, decline_code, amount, amount_captured, amount_refunded, currency, reference,
                  webhook_url, created)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                request.token,
                status.as_str(),
                token.decline_code(),
                request.amount,
                if status == PaymentStatus::Succeeded { request.amount } else { 0 },
                request.currency,
                request.reference,
                url,
                now_unix(),
            ])?;
            let seq = book.last_insert_rowid();
            let payment = payment_at(book, seq)?;
            report(book, seq, &payment, None)?;
            let mut answer = Answer::created(&payment);
            answer.withheld = token == Token::Timeout;
            remember(book, &keyed, &answer, Subject::Payment(seq))?;
            Ok(answer)
        })
        .await
    }

    pub async fn refund(&self, keyed: Keyed, payment_id: String, amount: i64) -> Result<Answer, BookError> {
        self.run(move |book| {
            if let Some(answer) = replay(book, &keyed)? {
                return Ok(answer);
            }
            let Some((seq, payment)) = payment_by_id(book, &payment_id)? else {
                return Ok(unknown_payment());
            };
            let left = payment.amount_captured - payment.amount_refunded;
            if payment.status != PaymentStatus::Succeeded || amount > left {
                let answer = Answer::refusal(409, "too_much", format!("{left} can be refunded"));
                remember(book, &keyed, &answer, Subject::Payment(seq))?;
                return Ok(answer);
            }
            book.prepare_cached("UPDATE payments SET amount_refunded = amount_refunded + ?2 WHERE seq = ?1")?
                .execute(params![seq, amount])?;
            book.prepare_cached("INSERT INTO refunds (payment, amount, created) VALUES (?1, ?2, ?3)")?
                .execute(params![seq, amount, now_unix()])?;
            let refund_seq = book.last_insert_rowid();
            let refund = refund_at(book, refund_seq)?;
            report(book, seq, &payment_at(book, seq)?, Some(&refund))?;
            let answer = Answer::created(&refund);
            remember(book, &keyed, &answer, Subject::Refund(refund_seq))?;
            Ok(answer)
        })
        .await
    }

    /// Captures what was set aside. Asking again for the same is answered the same.
    pub async fn capture(&self, payment_id: String, capture: Capture) -> Result<Answer, BookError> {
        self.run(move |book| {
            let Some((seq, payment)) = payment_by_id(book, &payment_id)? else {
                return Ok(unknown_payment());
            };
            let amount = capture.amount.unwrap_or(payment.amount);
            match payment.status {
                PaymentStatus::Succeeded if payment.amount_captured == amount => Ok(Answer::ok(&payment)),
                PaymentStatus::RequiresCapture if amount > payment.amount => {
                    Ok(Answer::refusal(409, "too_much", format!("{} can be captured", payment.amount)))
                }
                PaymentStatus::RequiresCapture => {
                    let payment = enter(book, seq, PaymentStatus::Succeeded, None, amount)?;
                    Ok(Answer::ok(&payment))
                }
                status => Ok(wrong_state(status)),
            }
        })
        .await
    }

    /// Gives up a payment whose money has not moved. Asking again is answered the same.
    pub async fn cancel(&self, payment_id: String) -> Result<Answer, BookError> {
        self.run(move |book| {
            let Some((seq, payment)) = payment_by_id(book, &payment_id)? else {
                return Ok(unknown_payment());
            };
            match payment.status {
                PaymentStatus::Cancelled => Ok(Answer::ok(&payment)),
                PaymentStatus::Pending | PaymentStatus::RequiresCapture => {
                    Ok(Answer::ok(&enter(book, seq, PaymentStatus::Cancelled, None, 0)?))
                }
                status => Ok(wrong_state(status)),
            }
        })
        .await
    }

    /// Gives a pending payment its outcome. Asking again for the same is answered the same.
    pub async fn settle(&self, payment_id: String, outcome: Outcome) -> Result<Answer, BookError> {
        self.run(move |book| {
            let Some((seq, payment)) = payment_by_id(book, &payment_id)? else {
                return Ok(unknown_payment());
            };
            let (status, decline_code, captured) = match outcome {
                Outcome::Succeeded => (PaymentStatus::Succeeded, None, payment.amount),
                Outcome::Declined => (PaymentStatus::Declined, Some(DECLINED), 0),
            };
            match payment.status {
                PaymentStatus::Pending => Ok(Answer::ok(&enter(book, seq, status, decline_code, captured)?)),
                already if already == status => Ok(Answer::ok(&payment)),
                already => Ok(wrong_state(already)),
            }
        })
        .await
    }

    pub async fn payment(&self, id: String) -> Result<Option<Payment>, BookError> {
        self.run(move |book| Ok(payment_by_id(book, &id)?.map(|(_, payment)| payment))).await
    }

    /// The payment that was made under an idempotency key.
    pub async fn payment_by_key(&self, key: String) -> Result<Option<Payment>, BookError> {
        self.run(move |book| {
            let sql = format!("{PAYMENT} JOIN keys ON keys.payment = payments.seq WHERE keys.key = ?1");
            book.prepare_cached(&sql)?.query_row([key], payment_row).optional()
        })
        .await
    }

    /// The refund that was made under an idempotency key.
    pub async fn refund_by_key(&self, key: String) -> Result<Option<Refund>, BookError> {
        self.run(move |book| {
            let sql = format!("{REFUND} JOIN keys ON keys.refund = refunds.seq WHERE keys.key = ?1");
            book.prepare_cached(&sql)?.query_row([key], refund_row).optional()
        })
        .await
    }

    pub async fn payments_by_reference(&self, reference: String) -> Result<Vec<Payment>, BookError> {
        self.run(move |book| {
            let sql = format!("{PAYMENT} WHERE reference = ?1 ORDER BY payments.seq");
            book.prepare_cached(&sql)?.query_map([reference], payment_row)?.collect()
        })
        .await
    }

    pub async fn statement(&self) -> Result<Statement, BookError> {
        self.run(|book| {
            let payments = format!("{PAYMENT} ORDER BY payments.seq");
            let refunds = format!("{REFUND} ORDER BY refunds.seq");
            Ok(Statement {
                payments: book
                    .prepare_cached(&payments)?
                    .query_map([], payment_row)?
                    .collect::<Result<_, _>>()?,
                refunds: book
                    .prepare_cached(&refunds)?
                    .query_map([], refund_row)?
                    .collect::<Result<_, _>>()?,
            })
        })
        .await
    }

    /// Events that should be delivered now, oldest first, and the time until the next one after them.
    pub async fn due_events(&self, limit: usize) -> Result<(Vec<Undelivered>, Option<Duration>), BookError> {
        self.run(move |book| {
            let now = now_unix_ms();
            let due = book
                .prepare_cached(
                    "SELECT seq, url, body, attempts FROM events WHERE due_ms <= ?1 ORDER BY due_ms, seq LIMIT ?2",
                )?
                .query_map(params![now, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                    Ok(Undelivered { seq: row.get(0)?, url: row.get(1)?, body: row.get(2)?, attempts: row.get(3)? })
                })?
                .collect::<Result<Vec<_>, _>>()?;
            let next_ms: Option<i64> = book
                .prepare_cached("SELECT min(due_ms) FROM events WHERE due_ms > ?1")?
                .query_row([now], |row| row.get(0))?;
            let wait = next_ms.map(|next| Duration::from_millis(next.abs_diff(now)));
            Ok((due, wait))
        })
        .await
    }

    /// Notes that an event has arrived, or is given up: either way it is not sent again.
    pub async fn event_done(&self, seq: i64) -> Result<(), BookError> {
        self.run(move |book| {
            book.prepare_cached("UPDATE events SET due_ms = NULL WHERE seq = ?1")?.execute([seq]).map(drop)
        })
        .await
    }

    /// Notes that an event did not arrive and is to be sent again after `wait`.
    pub async fn event_failed(&self, seq: i64, wait: Duration) -> Result<(), BookError> {
        let due_ms = now_unix_ms() + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
        self.run(move |book| {
            book.prepare_cached("UPDATE events SET due_ms = ?2, attempts = attempts + 1 WHERE seq = ?1")?
                .execute([seq, due_ms])
                .map(drop)
        })
        .await
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // The thread ends after the works already queued; a panic there has been logged.
            let _ = thread.join();
        }
    }
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS book (name TEXT NOT NULL);
    INSERT INTO book SELECT lower(hex(randomblob(4))) WHERE NOT EXISTS (SELECT 1 FROM book);
    CREATE TABLE IF NOT EXISTS payments (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        token TEXT NOT NULL,
        status TEXT NOT NULL,
        decline_code TEXT,
        amount INTEGER NOT NULL CHECK (amount > 0),
        amount_captured INTEGER NOT NULL CHECK (amount_captured BETWEEN 0 AND amount),
        amount_refunded INTEGER NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount_captured),
        currency TEXT NOT NULL,
        reference TEXT NOT NULL,
        webhook_url TEXT,
        created INTEGER NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS payments_by_reference ON payments (reference);
    CREATE TABLE IF NOT EXISTS refunds (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        payment INTEGER NOT NULL REFERENCES payments,
        amount INTEGER NOT NULL CHECK (amount > 0),
        created INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS keys (
        key TEXT PRIMARY KEY,
        request_hash BLOB NOT NULL,
        status INTEGER NOT NULL,
        body TEXT NOT NULL,
        withheld INTEGER NOT NULL,
        payment INTEGER REFERENCES payments,
        refund INTEGER REFERENCES refunds) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        url TEXT NOT NULL,
        body TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due_ms INTEGER) STRICT;
    CREATE INDEX IF NOT EXISTS events_due ON events (due_ms) WHERE due_ms IS NOT NULL;
";

fn open_connection(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_millis(200))?;
    // Exclusive from the first write on: the book has one writer, and two would give out ids twice.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} COMMIT;"))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn work_through(connection: &Connection, mut works: mpsc::Receiver<Work>) {
    while let Some(first) = works.blocking_recv() {
        let mut replies = Vec::new();
        let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(BookError::from);
        let more = std::iter::from_fn(|| works.try_recv().ok());
        for work in std::iter::once(first).chain(more).take(TRANSACTION_MAX) {
            replies.push(work(begun.clone().and_then(|()| still_open(connection))));
        }
        let committed = still_open(connection).and_then(|open| Ok(open.execute_batch("COMMIT")?));
        if committed.is_err() && !connection.is_autocommit() {
            // If this fails too, the next BEGIN does, and everybody after is told so.
            let _ = connection.execute_batch("ROLLBACK");
        }
        for reply in replies {
            reply(committed.clone());
        }
    }
}

/// SQLite ends a transaction by itself on a full disk; what ran after that would be its own transaction.
fn still_open(connection: &Connection) -> Result<&Connection, BookError> {
    if connection.is_autocommit() {
        return Err(BookError::Write { reason: "the transaction was rolled back".to_owned() });
    }
    Ok(connection)
}

/// Undoes what one request wrote if it fails, without touching the others of the transaction.
fn within_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.prepare_cached("SAVEPOINT work")?.execute([])?;
    let result = work(connection);
    if result.is_err() {
        connection.prepare_cached("ROLLBACK TO work")?.execute([])?;
    }
    connection.prepare_cached("RELEASE work")?.execute([])?;
    result
}

fn unknown_payment() -> Answer {
    Answer::refusal(404, "not_found", "there is no such payment")
}

fn wrong_state(status: PaymentStatus) -> Answer {
    Answer::refusal(409, "wrong_state", format!("the payment is {}", status.as_str()))
}

pub(super) fn now_unix_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn now_unix() -> i64 {
    now_unix_ms() / 1_000
}
