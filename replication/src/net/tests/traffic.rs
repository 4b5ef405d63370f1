//! Calls and requests: many at once, each within its deadline; peers that come and go.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_share_a_connection_and_none_waits_for_another() {
    let host = Host::start().await;
    let caller = host.caller(2);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let caller = caller.clone();
        tasks.spawn(async move {
            let request =
                if number % 2 == 0 { Bytes::from_static(b"slowly") } else { number.to_string().into() };
            let start = Instant::now();
            let answer = caller.request(NodeId(1), request.clone(), PATIENCE).await;
            assert_eq!(answer, Ok(request));
            start.elapsed()
        });
    }
    let times: Vec<Duration> = tasks.join_all().await;
    assert!(times.iter().sum::<Duration>() / 100 < PATIENCE / 4);
    assert_eq!(caller.connects(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_answered_in_time_is_an_error_in_time() {
    let host = Host::start().await;
    let caller = host.caller(2);
    let start = Instant::now();
    let deadline = Duration::from_millis(200);
    let answer = caller.request(NodeId(1), Bytes::from_static(b"never"), deadline).await;
    assert_eq!(answer, Err(TransportError::TimedOut { node: NodeId(1) }));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(ask(&caller, "who").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_answers_that_are_too_long_arrive_as_refusals() {
    let host = Host::start().await;
    let caller = host.caller(2);
    let refused = |reason: &str| Err(TransportError::Refused { node: NodeId(1), reason: reason.to_owned() });
    assert_eq!(ask(&caller, "refuse").await, refused("as asked"));
    assert_eq!(ask(&caller, "too much").await, refused("the answer is too long"));
    let large = Bytes::from(vec![1; 9 << 20]);
    let answer = caller.request(NodeId(1), large, PATIENCE).await;
    assert!(matches!(answer, Err(TransportError::Refused { .. })), "{answer:?}");
    assert_eq!(caller.connects(), 1, "none of this ended the connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_gone_is_tried_now_and_then_and_found_when_it_is_back() {
    let host = Host::start().await;
    let caller = host.caller(2);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = closed.local_addr().unwrap();
    drop(closed);
    caller.book().insert(NodeId(1), PeerRecord { region: REGION.into(), address: nowhere.to_string() });
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(1) {
        let answer = ask(&caller, "who").await;
        assert!(matches!(answer, Err(TransportError::Unreachable { .. })), "{answer:?}");
        calls += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // At least 10, 20, 40, 80 and then 100 ms lie between two attempts.
    assert!(calls > 50 && caller.connects() <= 14, "{calls} calls made {} connects", caller.connects());
    let back = PeerRecord { region: REGION.into(), address: host.address.to_string() };
    caller.book().insert(NodeId(1), back);
    while ask(&caller, "who").await.is_err() {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_neither_calls_nor_answers() {
    let host = Host::start().await;
    let caller = host.caller(2);
    assert!(ask(&caller, "who").await.is_ok());
    host.net.stop();
    let answer = ask(&caller, "who").await;
    assert!(answer.is_err(), "{answer:?}");
    assert!(host.net.request(NodeId(2), Bytes::new(), PATIENCE).await.is_err());
}
