//! The owner of a shop, signed in at a node.

use crate::http::{Answer, Host};
use crate::shop::OWNER;
use reqwest::Method;
use serde_json::{Value, json};

pub struct Owner {
    host: Host,
    token: String,
}

impl Owner {
    pub async fn sign_in(host: Host) -> Owner {
        let token = host.sign_in_staff(OWNER.0, OWNER.1).await;
        Owner { host, token }
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.host.request(method, path).bearer_auth(&self.token).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.host.send(request).await.expect("the node answers")
    }

    /// A warehouse, and so many pieces in it.
    pub async fn stocks(&self, sku: &str, pieces: i64) {
        let warehouse = json!({ "code": "SOUTH", "name": "South", "country": "GB", "priority": 1 });
        self.send(Method::POST, "/api/v1/admin/warehouses", &warehouse, &[]).await.expect(201);
        let counted = json!({ "sku": sku, "delta": pieces, "reason": "received" });
        let key = [("idempotency-key", "count-1")];
        self.send(Method::POST, "/api/v1/admin/inventory/adjustments", &counted, &key).await.expect(200);
    }

    /// Gives a product another name.
    pub async fn rename(&self, id: &str, name: &str) -> Answer {
        let path = format!("/api/v1/admin/products/{id}");
        let got = self.host.send(self.host.request(Method::GET, &path).bearer_auth(&self.token)).await;
        let revision = got.expect("the node answers").expect(200).json["revision"].clone();
        let tag = format!("\"{revision}\"");
        let patch = json!({ "name": { "en-GB": name } });
        self.send(Method::PATCH, &path, &patch, &[("if-match", &tag)]).await
    }
}
