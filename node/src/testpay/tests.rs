//! The provider as a shop meets it: over HTTP, on a real file, with everything that can go wrong.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::json;
use tempfile::TempDir;

use super::*;

const SECRET: &str = "a secret of the tests";
/// Long enough for any answer that is going to come on a busy machine.
const PATIENT: Duration = Duration::from_secs(20);
/// For answers that are never going to come.
const IMPATIENT: Duration = Duration::from_millis(400);

struct World {
    directory: TempDir,
    server: TestPay,
    client: Client,
}

fn settings(directory: &Path, webhook_url: Option<Url>) -> TestPaySettings {
    TestPaySettings {
        listen: "127.0.0.1:0".parse().expect("an address"),
        book: directory.join("book.db"),
        webhook_url,
        webhook_secret: Secret::parse(SECRET).expect("long enough"),
        seed: 11,
    }
}

async fn world() -> World {
    world_with(None).await
}

async fn world_with(webhook_url: Option<Url>) -> World {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = started(directory.path(), webhook_url).await;
    let client = Client::new(&server.url(), PATIENT).expect("a client");
    World { directory, server, client }
}

async fn started(directory: &Path, webhook_url: Option<Url>) -> TestPay {
    start(settings(directory, webhook_url), CancellationToken::new()).await.expect("the server starts")
}

impl World {
    fn impatient(&self) -> Client {
        Client::new(&self.server.url(), IMPATIENT).expect("a client")
    }

    async fn faults(&self, faults: Faults) {
        self.client.set_faults(&faults).await.expect("valid faults");
    }

    async fn statement(&self) -> Statement {
        self.client.statement().await.expect("the book")
    }
}

fn payment(token: &str) -> CreatePayment {
    CreatePayment {
        amount: 24_900,
        currency: "GBP".to_owned(),
        token: token.to_owned(),
        reference: "order_1".to_owned(),
        capture: true,
        webhook_url: None,
    }
}

fn set_aside() -> CreatePayment {
    CreatePayment { capture: false, ..payment("tok_ok") }
}

fn refused(error: &ClientError) -> Option<(u16, &str)> {
    match error {
        ClientError::Refused { status, refusal } => Some((*status, refusal.code.as_str())),
        ClientError::NotSent(_) | ClientError::Unknown(_) => None,
    }
}

#[tokio::test]
async fn each_token_has_its_outcome() {
    let world = world().await;
    let mut number = 0;
    let mut outcome = async |request: CreatePayment| {
        number += 1;
        let made = world.client.create(&format!("key-{number}"), &request).await.expect("an answer");
        assert_eq!(world.client.payment(&made.id).await.expect("an answer"), Some(made.clone()));
        (made.status, made.decline_code, made.amount_captured)
    };
    assert_eq!(outcome(payment("tok_ok")).await, (PaymentStatus::Succeeded, None, 24_900));
    assert_eq!(outcome(set_aside()).await, (PaymentStatus::RequiresCapture, None, 0));
    let declined = |code: &str| (PaymentStatus::Declined, Some(code.to_owned()), 0);
    assert_eq!(outcome(payment("tok_declined")).await, declined("card_declined"));
    assert_eq!(outcome(payment("tok_insufficient")).await, declined("insufficient_funds"));
    assert_eq!(outcome(payment("tok_later")).await, (PaymentStatus::Pending, None, 0));
}

#[tokio::test]
async fn a_key_gives_the_same_answer_for_good_and_to_one_request_only() {
    let world = world().await;
    let first = world.client.create("key", &set_aside()).await.expect("an answer");
    world.client.capture(&first.id, None).await.expect("captured");
    let again = world.client.create("key", &set_aside()).await.expect("an answer");
    assert_eq!(again, first, "the first answer, though the payment has moved on");

    let other = CreatePayment { amount: 1, ..set_aside() };
    let error = world.client.create("key", &other).await.expect_err("another request");
    assert_eq!(refused(&error), Some((422, "key_reused")));
    let error = world.client.refund("key", &first.id, 1).await.expect_err("another kind of request");
    assert_eq!(refused(&error), Some((422, "key_reused")));
    assert_eq!(world.statement().await.payments.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_used_many_times_at_once_makes_one_payment() {
    let world = world().await;
    let calls = (0..32).map(|_| {
        let client = world.client.clone();
        tokio::spawn(async move { client.create("key", &payment("tok_ok")).await.expect("an answer").id })
    });
    let mut ids = BTreeSet::new();
    for call in calls.collect::<Vec<_>>() {
        ids.insert(call.await.expect("no panic"));
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(world.statement().await.payments.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_made_at_once_are_all_in_the_book() {
    let world = world().await;
    let calls = (0..200i64).map(|number| {
        let client = world.client.clone();
        let request = CreatePayment { amount: number + 1, ..payment("tok_ok") };
        tokio::spawn(
            async move { client.create(&format!("key-{number}"), &request).await.expect("an answer") },
        )
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("no panic");
    }
    let statement = world.statement().await;
    assert_eq!(statement.payments.iter().map(|payment| payment.amount).sum::<i64>(), 200 * 201 / 2);
    let ids: BTreeSet<_> = statement.payments.iter().map(|payment| &payment.id).collect();
    assert_eq!(ids.len(), 200);
}

#[tokio::test]
async fn a_payment_that_is_never_answered_is_found_by_its_key_and_settled() {
    let world = world().await;
    let error = world.impatient().create("key", &payment("tok_timeout")).await.expect_err("no answer");
    assert!(matches!(error, ClientError::Unknown(_)), "{error}");
    let error = world.impatient().create("key", &payment("tok_timeout")).await.expect_err("still no answer");
    assert!(matches!(error, ClientError::Unknown(_)), "{error}");

    let found = world.client.payment_by_key("key").await.expect("an answer").expect("it is in the book");
    assert_eq!(found.status, PaymentStatus::Pending);
    assert_eq!(
        world.statement().await.payments,
        std::slice::from_ref(&found),
        "asking twice made one payment"
    );
    let settled = world.client.settle(&found.id, Outcome::Succeeded).await.expect("settled");
    assert_eq!(settled.status, PaymentStatus::Succeeded);
    let answered = world.client.create("key", &payment("tok_timeout")).await.expect("now there is an answer");
    assert_eq!(answered, settled);
}

#[tokio::test]
async fn an_answer_lost_before_the_work_leaves_no_trace_and_one_lost_after_it_does() {
    let world = world().await;
    let check = async |faults: Faults, key: &str, done: bool| {
        world.faults(faults.clone()).await;
        let error = world.impatient().create(key, &payment("tok_ok")).await.expect_err("no answer");
        assert!(matches!(error, ClientError::Unknown(_)), "{faults:?}: {error}");
        let found = world.client.payment_by_key(key).await.expect("look-ups are not disturbed");
        assert_eq!(found.is_some(), done, "{faults:?}");

        world.faults(Faults::default()).await;
        let made = world.client.create(key, &payment("tok_ok")).await.expect("an answer");
        assert!(found.is_none_or(|found| found == made), "the same key is the same payment");
    };
    check(Faults { timeout_before: 1.0, ..Faults::default() }, "a", false).await;
    check(Faults { timeout_after: 1.0, ..Faults::default() }, "b", true).await;
    check(Faults { error_500_before: 1.0, ..Faults::default() }, "c", false).await;
    check(Faults { error_500_after: 1.0, ..Faults::default() }, "d", true).await;
    assert_eq!(world.statement().await.payments.len(), 4);
}

#[tokio::test]
async fn a_slow_provider_is_slow_also_when_looked_up() {
    let world = world().await;
    let made = world.client.create("key", &payment("tok_ok")).await.expect("an answer");
    world.faults(Faults { delay_ms: 150, ..Faults::default() }).await;
    let begun = Instant::now();
    world.client.payment(&made.id).await.expect("an answer");
    assert!(begun.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn nobody_there_means_nothing_was_sent() {
    let world = world().await;
    let client = world.client.clone();
    world.server.shut_down().await.expect("a clean end");
    let error = client.create("key", &payment("tok_ok")).await.expect_err("nobody there");
    assert!(matches!(error, ClientError::NotSent(_)), "{error}");
    drop(world.directory);
}

#[tokio::test]
async fn refunds_add_up_to_what_was_captured_and_no_more() {
    let world = world().await;
    let made = world.client.create("key", &payment("tok_ok")).await.expect("an answer");
    let first = world.client.refund("refund-1", &made.id, 20_000).await.expect("refunded");
    assert_eq!((first.amount, first.currency.as_str()), (20_000, "GBP"));
    assert_eq!(world.client.refund("refund-1", &made.id, 20_000).await.expect("the same"), first);

    let error = world.client.refund("refund-2", &made.id, 4_901).await.expect_err("one too many");
    assert_eq!(refused(&error), Some((409, "too_much")));
    assert_eq!(world.client.refund_by_key("refund-2").await.expect("an answer"), None);
    world.client.refund("refund-3", &made.id, 4_900).await.expect("the rest");
    let error = world.client.refund("refund-2", &made.id, 4_901).await.expect_err("refused as before");
    assert_eq!(refused(&error), Some((409, "too_much")));

    assert_eq!(world.client.refund_by_key("refund-1").await.expect("an answer"), Some(first));
    let statement = world.statement().await;
    assert_eq!(statement.payments[0].amount_refunded, 24_900);
    assert_eq!(statement.refunds.iter().map(|refund| refund.amount).collect::<Vec<_>>(), [20_000, 4_900]);
    let error = world.client.refund("refund-4", "tpay_none_1", 1).await.expect_err("no such payment");
    assert_eq!(refused(&error), Some((404, "not_found")));
}

#[tokio::test]
async fn money_moves_only_from_the_states_that_allow_it() {
    let world = world().await;
    let client = &world.client;
    let make =
        async |key: &str, request: CreatePayment| client.create(key, &request).await.expect("an answer").id;
    let status = |answer: Result<Payment, ClientError>| match answer {
        Ok(payment) => Ok((payment.status, payment.amount_captured)),
        Err(error) => {
            Err(refused(&error).map(|(status, code)| (status, code.to_owned())).expect("a refusal"))
        }
    };
    let wrong_state = Err((409, "wrong_state".to_owned()));
    let captured = |amount| Ok((PaymentStatus::Succeeded, amount));

    let aside = make("a", set_aside()).await;
    assert_eq!(status(client.capture(&aside, Some(24_901)).await), Err((409, "too_much".to_owned())));
    assert_eq!(status(client.capture(&aside, Some(20_000)).await), captured(20_000));
    assert_eq!(status(client.capture(&aside, Some(20_000)).await), captured(20_000));
    assert_eq!(status(client.capture(&aside, None).await), wrong_state);
    assert_eq!(status(client.cancel(&aside).await), wrong_state);
    let error = client.refund("r", &aside, 20_001).await.expect_err("more than was captured");
    assert_eq!(refused(&error), Some((409, "too_much")));

    let given_up = make("b", set_aside()).await;
    assert_eq!(status(client.cancel(&given_up).await), Ok((PaymentStatus::Cancelled, 0)));
    assert_eq!(status(client.cancel(&given_up).await), Ok((PaymentStatus::Cancelled, 0)));
    assert_eq!(status(client.capture(&given_up, None).await), wrong_state);

    let later = make("c", payment("tok_later")).await;
    assert_eq!(status(client.capture(&later, None).await), wrong_state);
    assert_eq!(status(client.settle(&later, Outcome::Declined).await), Ok((PaymentStatus::Declined, 0)));
    assert_eq!(status(client.settle(&later, Outcome::Declined).await), Ok((PaymentStatus::Declined, 0)));
    assert_eq!(status(client.settle(&later, Outcome::Succeeded).await), wrong_state);
}

#[tokio::test]
async fn payments_are_found_by_reference() {
    let world = world().await;
    let first = world.client.create("a", &payment("tok_declined")).await.expect("an answer");
    let second = world.client.create("b", &payment("tok_ok")).await.expect("an answer");
    let other = CreatePayment { reference: "order_2 & more".to_owned(), ..payment("tok_ok") };
    let other = world.client.create("c", &other).await.expect("an answer");
    let found = async |reference| world.client.payments_by_reference(reference).await.expect("an answer");
    assert_eq!(found("order_1").await, [first, second]);
    assert_eq!(found("order_2 & more").await, [other]);
    assert_eq!(found("order_3").await, []);
}

#[tokio::test]
async fn malformed_requests_are_refused_and_leave_the_book_empty() {
    let world = world().await;
    let http = reqwest::Client::new();
    let good = json!({"amount": 1, "currency": "GBP", "token": "tok_ok", "reference": "r"});
    let with = |field: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[field] = value;
        body.to_string()
    };
    let long = "x".repeat(256);
    let table = [
        (400, "not json".to_owned()),
        (400, "{}".to_owned()),
        (400, with("unknown", json!(1))),
        (400, with("amount", json!("1"))),
        (400, with("amount", json!(1.5))),
        (400, with("amount", json!(i64::MAX as u64 + 1))),
        (400, with("capture", json!("yes"))),
        (422, with("amount", json!(0))),
        (422, with("amount", json!(-1))),
        (422, with("currency", json!("gbp"))),
        (422, with("currency", json!("POUND"))),
        (422, with("token", json!("4242424242424242"))),
        (422, with("reference", json!(""))),
        (422, with("reference", json!(long))),
        (422, with("webhook_url", json!("file:///etc/passwd"))),
        (422, with("webhook_url", json!("nonsense"))),
        (413, with("reference", json!("x".repeat(70_000)))),
    ];
    let post = async |key: Option<&str>, body: String| {
        let request = http.post(format!("{}v1/payments", world.server.url())).body(body);
        let request = key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key));
        request.send().await.expect("an answer").status().as_u16()
    };
    for (expected, body) in table {
        assert_eq!(post(Some("key"), body.clone()).await, expected, "{body:.100}");
    }
    assert_eq!(post(None, good.to_string()).await, 400, "without a key");
    assert_eq!(post(Some(""), good.to_string()).await, 400, "with an empty key");
    assert_eq!(post(Some(&long), good.to_string()).await, 400, "with a long key");
    assert_eq!(world.statement().await, Statement::default());
    assert_eq!(post(Some("key"), good.to_string()).await, 201, "the key is still unused");

    let error = world.client.set_faults(&Faults { timeout_after: 2.0, ..Faults::default() }).await;
    assert_eq!(refused(&error.expect_err("impossible")), Some((422, "invalid")));
    for id in ["", "1", "tpay_1", "tpay_00000000_1", "../faults", "tpay_x_9999999999999999999999"] {
        assert!(world.client.capture(id, None).await.is_err(), "{id}");
    }
}

/// A shop's end of the webhook: keeps what arrives, answers as told.
#[derive(Clone, Default)]
struct Inbox {
    received: Arc<Mutex<Vec<(String, Bytes)>>>,
    refusals_left: Arc<Mutex<u32>>,
}

impl Inbox {
    async fn listening() -> (Inbox, Url) {
        let inbox = Inbox::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let receiving = inbox.clone();
        let receive = async move |headers: HeaderMap, body: Bytes| {
            let signature = headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
            receiving.received.lock().push((signature.unwrap_or_default().to_owned(), body));
            let mut left = receiving.refusals_left.lock();
            if *left == 0 {
                return StatusCode::NO_CONTENT;
            }
            *left -= 1;
            StatusCode::SERVICE_UNAVAILABLE
        };
        let router = axum::Router::new().route("/hook", axum::routing::post(receive));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let url = Url::parse(&format!("http://shop.localhost:{port}/hook")).expect("a URL");
        (inbox, url)
    }

    /// The events received, verified, once at least `count` have come.
    async fn events(&self, count: usize) -> Vec<Event> {
        let begun = Instant::now();
        while self.received.lock().len() < count {
            let so_far = self.received.lock().len();
            assert!(begun.elapsed() < PATIENT, "{so_far} of {count} events came");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let received = self.received.lock().clone();
        let now = book::now_unix();
        let verified = received.into_iter().map(|(signature, body)| {
            let verdict = verify_signature(SECRET, &signature, &body, now, Duration::from_secs(300));
            assert_eq!(verdict, Ok(()), "{signature}");
            serde_json::from_slice(&body).expect("an event")
        });
        verified.collect()
    }
}

#[tokio::test]
async fn what_happens_is_reported_signed() {
    let (inbox, url) = Inbox::listening().await;
    let world = world_with(Some(url)).await;
    let paid = world.client.create("a", &payment("tok_ok")).await.expect("an answer");
    assert_eq!(inbox.events(1).await[0].data.payment, paid);
    let later = world.client.create("b", &payment("tok_later")).await.expect("an answer");
    world.client.settle(&later.id, Outcome::Declined).await.expect("settled");
    inbox.events(2).await;
    let refund = world.client.refund("c", &paid.id, 100).await.expect("refunded");

    let events = inbox.events(3).await;
    let kinds: Vec<_> = events.iter().map(|event| (event.kind, event.data.payment.id.as_str())).collect();
    let expected = [
        (EventKind::PaymentSucceeded, paid.id.as_str()),
        (EventKind::PaymentFailed, later.id.as_str()),
        (EventKind::RefundSucceeded, paid.id.as_str()),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(events[2].data.refund, Some(refund));
    assert_eq!(events[2].data.payment.amount_refunded, 100);
    assert_eq!(events[1].data.payment.decline_code.as_deref(), Some("card_declined"));
}

#[tokio::test]
async fn a_payment_can_name_its_own_address_for_events() {
    let ((inbox, url), (elsewhere, default_url)) = (Inbox::listening().await, Inbox::listening().await);
    let world = world_with(Some(default_url)).await;
    let own = CreatePayment { webhook_url: Some(url.to_string()), ..payment("tok_ok") };
    let made = world.client.create("a", &own).await.expect("an answer");
    assert_eq!(inbox.events(1).await[0].data.payment, made);
    assert!(elsewhere.received.lock().is_empty());
}

#[tokio::test]
async fn an_event_is_sent_again_until_it_arrives() {
    let (inbox, url) = Inbox::listening().await;
    *inbox.refusals_left.lock() = 2;
    let world = world_with(Some(url)).await;
    world.client.create("a", &payment("tok_ok")).await.expect("an answer");
    let events = inbox.events(3).await;
    assert!(events.iter().all(|event| event.id == events[0].id));
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(inbox.received.lock().len(), 3, "it has arrived, so it is not sent again");
}

#[tokio::test]
async fn events_repeat_and_overtake_each_other_when_asked_to() {
    let (inbox, url) = Inbox::listening().await;
    let world = world_with(Some(url)).await;
    world.faults(Faults { duplicate_events: 2, shuffle_events: true, ..Faults::default() }).await;
    for number in 0..20 {
        world.client.create(&format!("key-{number}"), &payment("tok_ok")).await.expect("an answer");
    }
    let events = inbox.events(60).await;
    let order: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let distinct: BTreeSet<&str> = order.iter().copied().collect();
    assert_eq!((order.len(), distinct.len()), (60, 20));
    let payments: Vec<_> = events.iter().map(|event| event.data.payment.id.clone()).collect();
    let sent: Vec<_> = world.statement().await.payments.into_iter().map(|payment| payment.id).collect();
    let in_order: Vec<_> = sent.iter().flat_map(|id| std::iter::repeat_n(id.clone(), 3)).collect();
    assert_ne!(payments, in_order, "at least one event overtook another");
}

#[tokio::test]
async fn the_book_survives_the_server() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (inbox, url) = Inbox::listening().await;
    *inbox.refusals_left.lock() = 1;
    let server = started(directory.path(), Some(url.clone())).await;
    let client = Client::new(&server.url(), PATIENT).expect("a client");
    let made = client.create("key", &payment("tok_ok")).await.expect("an answer");
    inbox.events(1).await;
    let before = client.statement().await.expect("the book");
    // Not shut down but dropped, in the middle of waiting to send its event again.
    drop(server);

    let server = reopened(directory.path(), Some(url)).await;
    let client = Client::new(&server.url(), PATIENT).expect("a client");
    assert_eq!(client.statement().await.expect("the book"), before);
    assert_eq!(client.create("key", &payment("tok_ok")).await.expect("an answer"), made);
    let next = client.create("key-2", &payment("tok_later")).await.expect("an answer");
    assert_ne!(next.id, made.id);
    let events = inbox.events(2).await;
    assert_eq!(events[0].id, events[1].id, "the event that was refused came again after the restart");
}

/// Opens a book whose last server was just dropped: its connections may take a moment to go.
async fn reopened(directory: &Path, webhook_url: Option<Url>) -> TestPay {
    let begun = Instant::now();
    loop {
        match start(settings(directory, webhook_url.clone()), CancellationToken::new()).await {
            Ok(server) => return server,
            Err(error) => assert!(begun.elapsed() < PATIENT, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_new_book_never_repeats_the_ids_of_an_old_one() {
    let (first, second) = (world().await, world().await);
    let id =
        async |world: &World| world.client.create("key", &payment("tok_ok")).await.expect("an answer").id;
    let (old, new) = (id(&first).await, id(&second).await);
    assert_ne!(old, new);
    assert_eq!(second.client.payment(&old).await.expect("an answer"), None, "another book's id is unknown");
}

#[tokio::test]
async fn a_book_or_port_in_use_and_a_bad_path_are_clear_errors() {
    let world = world().await;
    let start = async |settings| match start(settings, CancellationToken::new()).await {
        Ok(_) => panic!("it should not start"),
        Err(error) => error.to_string(),
    };
    let same_book = start(settings(world.directory.path(), None)).await;
    assert!(same_book.ends_with("book.db: another process has it open"), "{same_book}");

    let other = tempfile::tempdir().expect("a temporary directory");
    let same_port = TestPaySettings { listen: world.server.address(), ..settings(other.path(), None) };
    let same_port = start(same_port).await;
    assert!(same_port.starts_with("the test provider cannot listen on 127.0.0.1:"), "{same_port}");

    let nowhere = start(settings(Path::new("/nowhere"), None)).await;
    assert!(nowhere.starts_with("cannot open the book /nowhere/book.db: "), "{nowhere}");
}

#[tokio::test]
async fn told_to_stop_it_lets_go_of_callers_it_keeps_waiting() {
    let world = world().await;
    let client = world.client.clone();
    let waiting = tokio::spawn(async move { client.create("key", &payment("tok_timeout")).await });
    let begun = Instant::now();
    while world.client.payment_by_key("key").await.expect("an answer").is_none() {
        assert!(begun.elapsed() < PATIENT, "the payment never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.server.shut_down().await.expect("a clean end");
    let error = waiting.await.expect("no panic").expect_err("no outcome");
    assert!(matches!(error, ClientError::Unknown(_)), "{error}");
}
