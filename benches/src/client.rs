//! One keep-alive HTTP/1.1 connection, with as little of its own work as possible.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A connection to one host of a server.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    address: SocketAddr,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

impl Answer {
    /// Status and the kind of problem, for counting.
    pub fn in_words(&self) -> String {
        let problem = self.json().ok().and_then(|body| Some(body["type"].as_str()?.to_owned()));
        format!("{} {}", self.status, problem.unwrap_or_default())
    }

    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("{}: not JSON", self.status))
    }
}

impl Connection {
    pub async fn open(address: SocketAddr, host: &str) -> Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // The connection's end is seen by the next request on it.
            let _ = connection.await;
        });
        Ok(Connection { sender, host: host.to_owned(), address })
    }

    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Sends JSON with further headers.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        if self.sender.is_closed() {
            *self = Connection::open(self.address, &self.host).await?;
        }
        let mut request = Request::builder().method(method).uri(path).header("host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(json) => {
                request = request.header("content-type", "application/json");
                Bytes::from(serde_json::to_vec(json)?)
            }
            None => Bytes::new(),
        };
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body })
    }

    /// Sends and insists on an answer of the 2xx kind.
    pub async fn must(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let answer = self.send(method, path, headers, body).await?;
        if !answer.status.is_success() {
            // Without the path, whose ids differ: equal failures are counted together.
            bail!("{}", answer.in_words());
        }
        Ok(answer)
    }
}
