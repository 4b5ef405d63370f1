//! Rows to OpenAPI 3.1.

use crate::extract::Parameter;
use crate::problem::{FieldError, Kind};
use crate::routes::{Access, Body, Idempotency, Logins, Method, RateClass, Row, Shape, Surface};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The whole document. Pages are no part of it.
pub fn document() -> Value {
    of_rows(&crate::app::document_rows())
}

pub(crate) fn of_rows(rows: &[Row]) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut schemas = BTreeMap::new();
    schemas.insert("Problem".to_owned(), problem_schema());
    collect(&mut schemas, Shape::of::<FieldError>());
    for row in rows {
        for shape in row.shapes.request.into_iter().chain(row.shapes.response) {
            collect(&mut schemas, shape);
        }
        let method = row.method.as_str().to_ascii_lowercase();
        paths.entry(row.path).or_default().insert(method, operation(row));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gearify",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "Shops, their catalogue, carts, checkout and orders. The host name says which shop. \
                Amounts are integers in minor units. Problems are application/problem+json; \
                each type has a page under /problems.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": security_schemes(),
            "responses": { "Problem": {
                "description": "What went wrong.",
                "content": { "application/problem+json": { "schema": reference("Problem") } },
            }},
        },
    })
}

fn collect(schemas: &mut BTreeMap<String, Value>, shape: Shape) {
    let mut parts = vec![((shape.name)().into_owned(), (shape.schema)())];
    (shape.parts)(&mut parts);
    for (name, schema) in parts {
        if let Ok(schema) = serde_json::to_value(schema) {
            schemas.insert(name, schema);
        }
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn operation(row: &Row) -> Value {
    let mut operation = json!({
        "operationId": row.operation,
        "summary": row.summary,
        "description": describe(row),
        "tags": [row.chapter],
        "parameters": operation_parameters(row),
        "responses": responses(row),
        "security": security(row),
    });
    if let Some(body) = request_body(row) {
        operation["requestBody"] = body;
    }
    operation
}

fn describe(row: &Row) -> String {
    let who = match row.access {
        Access::Open => "Open to everybody.".to_owned(),
        Access::CartHolder => "Needs the cart's token, or the login of its customer.".into(),
        Access::OrderHolder => "Needs the order's token, or the login of its customer.".into(),
        Access::Customer => "Needs a customer's login.".into(),
        Access::Staff(permission) => format!("Needs the permission `{permission}`."),
        Access::AnyStaff => "Needs a staff login.".into(),
        Access::Operator(permission) => format!("Needs an operator with the permission `{permission}`."),
        Access::Signed => "The body is signed by the provider.".into(),
    };
    let rate = match row.rate {
        RateClass::Read => " Counted as a read.",
        RateClass::Write => " Counted as a write.",
        RateClass::SignIn => " Counted as a sign-in.",
        RateClass::Free => "",
    };
    who + rate
}

fn operation_parameters(row: &Row) -> Vec<Value> {
    let in_path = path_parameters(row.path)
        .into_iter()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let in_query = row.shapes.query.iter().map(query_parameter);
    let mut parameters: Vec<Value> = in_path.chain(in_query).collect();
    let mut header = |name: &str, required: bool, about: &str| {
        parameters.push(json!({
            "name": name, "in": "header", "required": required, "description": about,
            "schema": { "type": "string" },
        }));
    };
    match row.idempotency {
        Idempotency::None => {}
        Idempotency::Accepted => {
            header("Idempotency-Key", false, "A repeated request with the same key acts once.")
        }
        Idempotency::Required => {
            header("Idempotency-Key", true, "A repeated request with the same key acts once.")
        }
    }
    match row.access {
        Access::CartHolder => header("Cart-Token", false, "The token given when the cart was started."),
        Access::OrderHolder => header("Order-Token", false, "The token given when the order was placed."),
        _ => {}
    }
    if matches!(row.method, Method::Put | Method::Patch | Method::Delete) {
        let about = "The ETag of what the change is made from; 412 if that is no longer what stands.";
        header("If-Match", false, about);
    }
    if row.method.is_read() && row.surface == Surface::Api {
        header("Gearify-Min-Position", false, "Waits until the node has seen this position.");
        header("Gearify-Consistency", false, "`linearizable` or `local`.");
    }
    parameters
}

fn path_parameters(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
}

fn query_parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name, "in": "query", "required": false, "description": parameter.about,
        "schema": { "type": parameter.kind },
    })
}

fn request_body(row: &Row) -> Option<Value> {
    let content = match (row.body, row.shapes.request) {
        (Body::Json, Some(shape)) => json!({ "application/json": { "schema": reference(&(shape.name)()) } }),
        (Body::Json, None) => json!({ "application/json": {} }),
        (Body::Form, _) => json!({ "application/x-www-form-urlencoded": {} }),
        (Body::Upload, _) => json!({ "image/jpeg": {}, "image/png": {}, "image/webp": {} }),
        (Body::Import, _) => json!({ "text/csv": {} }),
        (Body::Signed, _) => json!({ "application/json": {} }),
        (Body::None | Body::Empty, _) => return None,
    };
    Some(json!({ "required": true, "content": content }))
}

fn responses(row: &Row) -> Value {
    let mut good = json!({ "description": row.summary });
    if let Some(shape) = row.shapes.response {
        good["content"] = json!({ "application/json": { "schema": reference(&(shape.name)()) } });
    }
    let mut responses = Map::new();
    responses.insert(row.shapes.status.to_string(), good);
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    for status in expected_problems(row) {
        responses.insert(status.to_string(), problem.clone());
    }
    responses.insert("default".into(), problem);
    Value::Object(responses)
}

/// Statuses every caller of the row should be ready for.
fn expected_problems(row: &Row) -> Vec<u16> {
    let mut statuses = Vec::new();
    if !row.logins.guest || matches!(row.access, Access::CartHolder | Access::OrderHolder) {
        statuses.push(401);
    }
    if matches!(row.access, Access::Staff(_) | Access::Operator(_)) {
        statuses.push(403);
    }
    if row.path.contains('{') {
        statuses.push(404);
    }
    if !matches!(row.body, Body::None | Body::Empty) {
        statuses.extend([400, 413, 415, 422]);
    }
    if row.rate != RateClass::Free {
        statuses.push(429);
    }
    statuses
}

fn security(row: &Row) -> Vec<Value> {
    let Logins { guest, token, cookie, api_key } = row.logins;
    let kinds =
        [(guest, None), (token, Some("token")), (api_key, Some("api_key")), (cookie, Some("session"))];
    kinds
        .into_iter()
        .filter(|(taken, _)| *taken)
        .map(|(_, name)| name.map_or_else(|| json!({}), |name| json!({ name: [] })))
        .collect()
}

fn security_schemes() -> Value {
    json!({
        "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "An access token from signing in, good for fifteen minutes." },
        "api_key": { "type": "http", "scheme": "bearer",
            "description": "A key of the shop, beginning with gfy_." },
        "session": { "type": "apiKey", "in": "cookie", "name": "__Host-session",
            "description": "A browser session of the shop's own pages." },
    })
}

fn problem_schema() -> Value {
    let types: Vec<String> = Kind::ALL.iter().map(|kind| format!("/problems/{}", kind.slug())).collect();
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "instance", "request_id"],
        "properties": {
            "type": { "type": "string", "enum": types },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "instance": { "type": "string" },
            "request_id": { "type": "string" },
            "errors": { "type": "array", "items": reference("FieldError") },
        },
        "additionalProperties": true,
    })
}
