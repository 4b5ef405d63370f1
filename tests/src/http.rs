//! A shopper's and an owner's way to a node over HTTP: what they send and what comes back.

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// An answer, read to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    /// `Idempotent-Replayed`.
    pub replayed: bool,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `Gearify-Position`, of a write.
    pub position: Option<String>,
    pub json: Value,
}

impl Answer {
    async fn read(response: Response) -> reqwest::Result<Answer> {
        let status = response.status();
        let replayed = response.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let position = response.headers().get("gearify-position");
        let position = position.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let bytes = response.bytes().await?;
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Answer { status, replayed, retry_after, position, json })
    }

    /// The slug of the problem, if this is one.
    pub fn problem(&self) -> &str {
        self.json["type"].as_str().and_then(|kind| kind.strip_prefix("/problems/")).unwrap_or_default()
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.json);
        self
    }

    /// # Errors
    /// The whole answer, where it has another status.
    pub fn with(self, status: u16) -> anyhow::Result<Answer> {
        anyhow::ensure!(self.status.as_u16() == status, "{}: {}", self.status, self.json);
        Ok(self)
    }

    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        self.json[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.json)).to_owned()
    }
}

/// One host of a node.
#[derive(Clone)]
pub struct Host {
    client: Client,
    address: SocketAddr,
    host: String,
}

impl Host {
    pub fn new(address: SocketAddr, host: &str) -> Host {
        Host::with_patience(address, host, Duration::from_secs(60))
    }

    /// A host that is waited for no longer than this: what it did not answer by then is unknown.
    pub fn with_patience(address: SocketAddr, host: &str, patience: Duration) -> Host {
        let client = Client::builder().no_proxy().timeout(patience).build();
        Host { client: client.expect("a client without TLS is always made"), address, host: host.to_owned() }
    }

    /// The same host at another address: a node that was started again.
    pub fn moved(&self, address: SocketAddr) -> Host {
        Host { address, ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address)).header("host", &self.host)
    }

    /// # Errors
    /// Whatever befell the connection: the outcome is unknown then.
    pub async fn send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        Answer::read(request.send().await?).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await.expect("the node answers")
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await.expect("the node answers")
    }

    /// Signs a member of staff in; answers the access token.
    pub async fn sign_in_staff(&self, email: &str, password: &str) -> String {
        let body = json!({ "email": email, "password": password });
        self.post("/api/v1/admin/auth/login", &body).await.expect(200).text("access_token")
    }
}

/// Where a shopper lives. Every text of it can be searched for in files.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub email: String,
    pub phone: String,
    pub street: String,
}

impl Person {
    pub fn numbered(number: usize) -> Person {
        Person {
            name: format!("Shopper {number} Example"),
            email: format!("shopper{number}@buyers.example"),
            phone: format!("+44 1632 96{number:04}"),
            street: format!("{number} Boundary Lane"),
        }
    }
}

/// A cart and the token that opens it.
#[derive(Clone)]
pub struct Cart {
    pub host: Host,
    pub id: String,
    pub token: String,
}

impl Cart {
    pub async fn begin(host: &Host) -> anyhow::Result<Cart> {
        let made =
            host.send(host.request(Method::POST, "/api/v1/carts").json(&json!({}))).await?.with(201)?;
        Ok(Cart { host: host.clone(), id: made.text("id"), token: made.text("token") })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let path = format!("/api/v1/carts/{}{path}", self.id);
        self.host.request(method, &path).header("cart-token", &self.token)
    }

    pub async fn add(&self, sku: &str, quantity: u32, add_ons: &[String]) -> anyhow::Result<Answer> {
        let body = json!({ "sku": sku, "quantity": quantity, "add_ons": add_ons });
        Ok(self.host.send(self.request(Method::POST, "/lines").json(&body)).await?)
    }

    /// Contact, address and the first way of delivery.
    pub async fn addressed_to(&self, person: &Person) -> anyhow::Result<Answer> {
        let contact = json!({ "email": person.email, "phone": person.phone, "name": person.name });
        self.host.send(self.request(Method::PUT, "/contact").json(&contact)).await?.with(200)?;
        let shipping = json!({
            "name": person.name, "phone": person.phone, "line1": person.street, "city": "Exampleton",
            "postal_code": "EX1 1EX", "country": "GB",
        });
        let addresses = json!({ "shipping": shipping });
        self.host.send(self.request(Method::PUT, "/addresses").json(&addresses)).await?.with(200)?;
        let options = self.host.send(self.request(Method::GET, "/shipping-options")).await?.with(200)?;
        let option = json!({ "id": options.json["data"][0]["id"] });
        Ok(self.host.send(self.request(Method::PUT, "/shipping-option").json(&option)).await?)
    }

    pub async fn reserve(&self) -> anyhow::Result<Answer> {
        Ok(self.host.send(self.request(Method::POST, "/reservation").json(&json!({}))).await?)
    }

    /// What placing the order sends.
    pub fn order(&self, key: &str, payment: Value, note: Option<&str>) -> RequestBuilder {
        let body = json!({ "cart_id": self.id, "payment": payment, "note": note });
        let request = self.host.request(Method::POST, "/api/v1/orders").json(&body);
        request.header("cart-token", &self.token).header("idempotency-key", format!("\"{key}\""))
    }

    pub async fn place(&self, key: &str, token: &str) -> anyhow::Result<Answer> {
        let payment = json!({ "provider": "test", "token": token });
        Ok(self.host.send(self.order(key, payment, None)).await?)
    }
}
