//! Stories over HTTP against a node in memory, and one table of bad input over all routes.

mod account;
mod bad_examples;
mod bad_fields;
mod bad_forms;
mod bad_input;
mod bad_values;
mod catalogue;
mod conventions;
mod foreign;
mod merchant;
mod origins;
mod platform;
mod reads;
mod serving;
pub mod shopping;

/// Ids of merchants' records that the fixture does not name, by the path segment before them.
pub async fn merchant_ids(
    owner: &crate::testing::Client,
) -> std::collections::BTreeMap<&'static str, String> {
    use serde_json::json;
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let delivery = owner.get("/api/v1/admin/shipping/zones").await.expect(200).json();
    let taxes = owner.get("/api/v1/admin/taxes/zones").await.expect(200).json();
    let staff = owner.get("/api/v1/admin/staff").await.expect(200).json();
    let key = json!({ "name": "Till", "scopes": ["orders:read"] });
    let key = owner.post("/api/v1/admin/api-keys", key).await.expect(201).json();
    std::collections::BTreeMap::from([
        ("shipping/zones", text(&delivery["data"][0]["id"])),
        ("taxes/zones", text(&taxes["data"][0]["id"])),
        ("staff", text(&staff["data"][0]["id"])),
        ("api-keys", text(&key["api_key"]["id"])),
        ("product-types", "bat".into()),
        ("attributes", "grade".into()),
        ("options", "size".into()),
        ("values", "sh".into()),
        ("price-lists", "gbp".into()),
        ("inventory", "BALL".into()),
        ("pages", "terms".into()),
        ("taxes/categories", "standard".into()),
        ("consents", "marketing".into()),
        ("{id}/rates", "standard".into()),
    ])
}
