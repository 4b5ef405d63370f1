//! A caller of the router, without a socket.

use axum::Router;
use axum::body::{Body, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// Sends requests to one host with the same headers.
#[derive(Clone)]
pub struct Client {
    app: Router,
    headers: HeaderMap,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Client {
    pub fn new(app: Router, host: &str) -> Client {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::try_from(host).expect("a host"));
        Client { app, headers }
    }

    /// The same caller with one header more.
    pub fn with(&self, name: &'static str, value: &str) -> Client {
        let mut client = self.clone();
        let value = HeaderValue::try_from(value).expect("a header value");
        client.headers.insert(HeaderName::from_static(name), value);
        client
    }

    /// The same caller with one more value of a header.
    pub fn also(&self, name: &'static str, value: &str) -> Client {
        let mut client = self.clone();
        let value = HeaderValue::try_from(value).expect("a header value");
        client.headers.append(HeaderName::from_static(name), value);
        client
    }

    pub fn bearer(&self, token: &str) -> Client {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None, Bytes::new()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.json(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.json(Method::PUT, path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.json(Method::PATCH, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None, Bytes::new()).await
    }

    pub async fn json(&self, method: Method, path: &str, body: Value) -> Reply {
        self.send(method, path, Some("application/json"), body.to_string().into()).await
    }

    pub async fn send(&self, method: Method, path: &str, media_type: Option<&str>, body: Bytes) -> Reply {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("a path");
        *request.headers_mut() = self.headers.clone();
        if let Some(media_type) = media_type {
            let value = HeaderValue::try_from(media_type).expect("a media type");
            request.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        let response = self.app.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("bodies in memory do not fail").to_bytes();
        Reply { status: parts.status, headers: parts.headers, bytes }
    }
}

impl Reply {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// The slug of the problem, if this is one.
    #[track_caller]
    pub fn problem(&self) -> String {
        let document = self.json();
        assert_eq!(self.text("content-type"), "application/problem+json", "{document}");
        document["type"].as_str().unwrap_or_default().trim_start_matches("/problems/").to_owned()
    }
}
