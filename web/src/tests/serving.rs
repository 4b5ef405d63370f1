//! Real connections, on loopback.

use crate::server::serve;
use crate::settings::{Rates, Settings};
use crate::testing::Shopfront;
use axum::Router;
use axum::routing::get;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Serving {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

async fn start(app: Router, settings: Settings) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(async move {
        let stop = async {
            let _ = stopped.await;
        };
        serve(listener, None, app, &settings, stop).await
    });
    Serving { address, stop, ended }
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn quick() -> Settings {
    let rates = Rates { enabled: false, ..Rates::default() };
    Settings { rates, header_timeout: Duration::from_millis(300), ..Settings::default() }
}

#[tokio::test]
async fn a_shop_is_served_over_a_socket() {
    let shop = Shopfront::open();
    let serving = start(shop.app.clone(), quick()).await;
    let request = "GET /api/v1/products/match-ball HTTP/1.1\r\nHost: willow.localhost\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n";
    let mut stream = TcpStream::connect(serving.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let head = String::from_utf8_lossy(&answer[..400]).into_owned();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-encoding: gzip"), "{head}");
    serving.stop.send(()).unwrap();
    serving.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_never_sends_its_headers_is_closed() {
    let serving = start(Shopfront::open().app, quick()).await;
    let begun = Instant::now();
    ask(serving.address, "GET / HTTP/1.1\r\nHost: wil").await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    serving.stop.send(()).unwrap();
    serving.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_in_work_is_finished_before_the_end_and_nothing_new_is_taken() {
    let slow = get(|| async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        "finished"
    });
    let serving = start(Router::new().route("/", slow), quick()).await;
    let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let asked = tokio::spawn(ask(serving.address, request));
    tokio::time::sleep(Duration::from_millis(100)).await;
    serving.stop.send(()).unwrap();
    serving.ended.await.unwrap().unwrap();
    assert!(asked.await.unwrap().ends_with("finished"));
    assert!(TcpStream::connect(serving.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_does_not_end_is_broken_off_when_the_time_is_over() {
    let stuck = get(|| async { std::future::pending::<&str>().await });
    let settings = Settings { drain_timeout: Duration::from_millis(200), ..quick() };
    let serving = start(Router::new().route("/", stuck), settings).await;
    let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let _asked = tokio::spawn(ask(serving.address, request));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    serving.stop.send(()).unwrap();
    serving.ended.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}
