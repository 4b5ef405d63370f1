//! For every operation that takes JSON: bodies as a caller would send them, with every field that its description
//! names. The tables of bad input spoil them one value at a time.

use super::bad_input::World;
use super::shopping::address;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One body, whose ids are those of the world's records.
pub struct Example {
    pub operation: &'static str,
    /// The revision it is made from, where it overwrites a record.
    pub from: Option<u64>,
    pub body: Value,
}

fn example(operation: &'static str, body: Value) -> Example {
    Example { operation, from: None, body }
}

fn over(operation: &'static str, from: u64, body: Value) -> Example {
    Example { operation, from: Some(from), body }
}

pub fn examples(world: &World) -> Vec<Example> {
    let mut all = definitions();
    all.extend(products(world));
    all.extend(prices_and_stock(world));
    all.extend(settings(world));
    all.extend(delivery_and_taxes());
    all.extend(carts(world));
    all.extend(orders(world));
    all.extend(platform());
    all.extend(people(world));
    all
}

fn words(text: &str) -> Value {
    json!({ "en-GB": text, "hi-IN": "बल्ला" })
}

fn full_address() -> Value {
    let mut address = address();
    let rest = json!({
        "company": "Strikers", "phone": "+44 20 7946 0000", "line2": "Gate 2", "locality": "Marylebone",
        "region_code": "GB-ENG", "region": "England", "tax_id": "GB123"
    });
    address.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    address
}

fn variant(world: &World, sku: &str, size: &str) -> Value {
    json!({
        "sku": sku, "gtin": "4006381333931", "options": { "size": size },
        "attributes": { "weight": 1150, "grade": "a" }, "shipping_weight_grams": 1500,
        "size_mm": { "length": 900, "width": 120, "height": 80 }, "hs_code": "950699", "origin": "GB",
        "media": [world.ids["media"]], "tax_category": "standard",
        "components": [{ "variant_id": world.shop.variants["BALL"].to_string(), "quantity": 2 }],
        "policy": "preorder", "available_at": "2036-04-01T09:00:00Z", "position": 3
    })
}

fn product(world: &World, slug: &str) -> Value {
    json!({
        "slug": slug, "product_type": "bat", "name": words("County Bat"), "description": words("Long."),
        "seo_title": words("County"), "seo_description": words("A bat"), "brand": "Seam & Co",
        "categories": [world.ids["categories"]], "attributes": {}, "options": ["size"],
        "add_ons": [world.ids["add-ons"]], "media": [world.ids["media"]], "tax_category": "standard"
    })
}

fn products(world: &World) -> Vec<Example> {
    let category = |slug: &str, parent: Value| {
        json!({
            "parent_id": parent, "slug": slug, "name": words("Gloves"), "description": words("Soft."),
            "image": world.ids["media"], "position": 2
        })
    };
    let add_on = json!({
        "kind": "grip", "name": words("Grip"), "description": words("Firm."), "product_types": ["bat"],
        "prices": { "GBP": 700 }, "lead_days": 1, "not_returnable": true, "tax_category": "standard", "position": 4
    });
    let whole = json!({
        "product": product(world, "county-bat"), "variants": [variant(world, "COUNTY-SH", "sh")], "publish": true
    });
    vec![
        example("create_product", whole),
        over("change_product", 1, product(world, "seam-edition-bat")),
        example("create_variant", variant(world, "BAT-XL", "xl")),
        over("change_variant", 1, variant(world, "BAT-SH", "sh")),
        example(
            "schedule_publication",
            json!({
                "publish_at": "2036-04-01T09:00:00Z", "unpublish_at": "2036-05-01T09:00:00Z"
            }),
        ),
        example("create_category", category("gloves", json!(world.ids["categories"]))),
        over("change_category", 1, category("willow-bats", Value::Null)),
        example("create_add_on", add_on.clone()),
        over("change_add_on", 1, add_on),
        over("change_media", 1, json!({ "alt": words("A bat"), "focal": [500, 300] })),
    ]
}

fn definitions() -> Vec<Example> {
    let choice = json!({
        "name": words("Grade"), "kind": "choice", "level": "product", "facet": true, "sortable": true,
        "compared": true, "position": 1,
        "choices": [{ "code": "a", "label": words("A") }, { "code": "b", "label": words("B") }, { "code": "c", "label": "C" }]
    });
    vec![
        over("put_product_type", 1, json!({ "name": words("Bat"), "attributes": ["grade", "weight"] })),
        example("put_attribute", choice),
        example(
            "put_attribute",
            json!({
                "name": "Grade", "kind": "number", "unit": "g", "decimals": 1, "level": "variant"
            }),
        ),
        over("put_option", 1, json!({ "name": words("Size") })),
        over("put_option_value", 1, json!({ "label": words("Short"), "swatch": "#1a2b3c", "position": 1 })),
    ]
}

fn prices_and_stock(world: &World) -> Vec<Example> {
    let price = json!({
        "list": "gbp", "min_quantity": 2, "amount": 39_900, "compare_at": 44_900,
        "starts": "2036-04-01T09:00:00Z", "ends": "2036-05-01T09:00:00Z"
    });
    let list = json!({
        "name": "Pounds", "currency": "GBP", "countries": ["GB"], "customer_group": "trade", "tax_included": true
    });
    let plain_list = json!({ "name": "Pounds", "currency": "GBP", "tax_included": true });
    let set = json!({ "prices": [{ "variant_id": world.ids["variants"], "price": price }] });
    let warehouse =
        |code: &str| json!({ "code": code, "name": "North", "country": "GB", "priority": 2, "active": true });
    let main = &world.ids["warehouses"];
    vec![
        // The list that its currency falls back to stays for everybody.
        Example { operation: "put_price_list", from: Some(1), body: list },
        over("put_price_list", 1, plain_list),
        over("replace_prices", 1, json!({ "prices": [price, { "list": "gbp", "amount": 24_900 }] })),
        example("set_prices", set),
        example("create_warehouse", warehouse("NORTH")),
        over("replace_warehouse", 1, warehouse("MAIN")),
        example(
            "adjust_stock",
            json!({ "sku": "BALL", "warehouse": main, "delta": 5, "reason": "received" }),
        ),
        example("transfer_stock", json!({ "sku": "BALL", "from": main, "to": "NORTH", "quantity": 1 })),
        example(
            "change_stock",
            json!({
                "low_at": 3, "warehouse": main, "safety": 1, "unavailable": 1, "incoming": 2
            }),
        ),
    ]
}

fn settings(world: &World) -> Vec<Example> {
    let colours = json!({
        "header_colour": "#ffffff", "primary_colour": "#123456", "secondary_colour": "#654321", "font": "modern",
        "logo": world.picture
    });
    let shop = json!({
        "currency": "GBP", "further_currencies": ["EUR"], "time_zone": "Europe/London", "locale": "en-GB",
        "further_locales": ["hi-IN"], "home_country": "GB", "home_region_code": "GB-ENG",
        "default_rate_id": world.ids["rates"], "payment_methods": ["test", "manual"], "prices_include_tax": true,
        "tax_rounding": "per_order", "tax_elsewhere": "keep_net", "number_prefix": "WB-", "number_start": 1001,
        "lifetimes": {
            "anonymous_cart_ms": 86_400_000i64, "customer_cart_ms": 86_400_000i64, "session_ms": 86_400_000i64,
            "checkout_hold_ms": 600_000, "unpaid_order_ms": 3_600_000, "unpaid_manual_order_ms": 86_400_000i64,
            "cart_idle_ms": 3_600_000
        }
    });
    let legal = json!({
        "name": "Willow Ltd", "address": ["1 Lane", "London"], "country": "GB", "registration": "12345",
        "tax_id": "GB123", "email": "legal@willow.example", "phone": "+44 20 7946 0000"
    });
    vec![
        over("change_profile", 1, json!({ "name": "Willow & Sons" })),
        over("change_branding", 1, colours),
        over("change_shop", 1, shop),
        example("change_legal", legal),
        example("change_origins", json!({ "origins": ["https://www.willow.example"] })),
        example("put_page", json!({ "body": words("# Terms") })),
    ]
}

fn delivery_and_taxes() -> Vec<Example> {
    let zone = json!({
        "name": "Scotland", "areas": [{ "country": "GB", "region_code": "GB-SCT", "postal_prefixes": ["EH1"] }]
    });
    let with_region = json!({
        "name": "England", "areas": [{ "country": "GB", "region_code": "GB-ENG", "postal_prefixes": ["SW1"] }]
    });
    let rate = json!({
        "name": words("Post"), "carrier": "Pavilion Post", "days_min": 3, "days_max": 6, "tax_category": "standard",
        "position": 1, "tariffs": {
            "GBP": { "by_weight": [{ "grams_max": 2000, "price": 900 }, { "price": 1900 }], "free_from": 50_000 },
            "EUR": { "by_worth": [{ "worth_min": 0, "price": 900 }, { "worth_min": 10_000, "price": 500 }] },
            "USD": { "flat": 1_200 }
        }
    });
    // A merge patch: the price that stands is taken back.
    let mut merged = rate.clone();
    merged["tariffs"]["GBP"]["flat"] = Value::Null;
    let places = |country: &str, region: Value| json!({ "name": "There", "places": [{ "country": country, "region_code": region }] });
    let taxes = json!({ "rates": [{
        "code": "VAT", "name": "VAT 10 %", "jurisdiction": "GB", "rate_ppm": 100_000, "due": "always"
    }] });
    vec![
        example("create_zone", zone),
        over("change_zone", 1, with_region),
        example("create_rate", rate.clone()),
        over("change_rate", 1, merged),
        example("put_tax_category", json!({ "name": "Usual" })),
        example("create_tax_zone", places("IN", json!("IN-MH"))),
        over("change_tax_zone", 1, places("GB", json!("GB-SCT"))),
        over("set_tax_rates", 1, taxes),
    ]
}

fn carts(world: &World) -> Vec<Example> {
    let add_ons = json!([world.ids["add-ons"]]);
    vec![
        example("create_cart", json!({ "country": "GB", "currency": "GBP", "locale": "en-GB" })),
        example(
            "add_line",
            json!({
                "variant_id": world.ids["variants"], "quantity": 2, "add_ons": add_ons
            }),
        ),
        example("add_line", json!({ "sku": "BALL" })),
        example("change_line", json!({ "quantity": 2 })),
        example(
            "set_destination",
            json!({
                "country": "GB", "region_code": "GB-ENG", "postal_code": "SW1A 1AA"
            }),
        ),
        example(
            "set_contact",
            json!({
                "email": "pat@shopper.example", "phone": "+44 20 7946 0000", "name": "Pat"
            }),
        ),
        example("set_addresses", json!({ "shipping": full_address(), "billing": full_address() })),
        example("choose_shipping_option", json!({ "id": world.ids["rates"] })),
    ]
}

fn orders(world: &World) -> Vec<Example> {
    let payment = json!({ "provider": "test", "token": "tok_ok" });
    let addresses = ["return_url", "cancel_url"].map(|name| (name, "http://willow.localhost/orders"));
    let with_addresses = |mut body: Value| {
        for (name, address) in addresses {
            body[name] = json!(address);
        }
        body
    };
    let place = with_addresses(json!({
        "cart_id": world.ids["carts"], "expected_total": { "amount": 1, "currency": "GBP" }, "payment": payment,
        "note": "Ring twice", "terms_version": "1"
    }));
    let line = &world.ids["order lines"];
    let refund = json!({
        "payment_id": world.ids["payments"], "lines": [{ "line_id": line, "quantity": 1, "restock": true }],
        "shipping": 100, "refund_shipping": true, "goodwill": 5, "reason": "seam split"
    });
    vec![
        // Its total has changed since; and what is paid is paid.
        example("place_order", place),
        example(
            "place_order",
            json!({ "cart_id": world.ids["carts"], "expected_total": 1, "payment": payment }),
        ),
        example("pay_order", with_addresses(json!({ "payment": payment }))),
        example("add_note", json!({ "text": "called twice" })),
        example(
            "ship_order",
            json!({
                "lines": [{ "line_id": line, "quantity": 1 }], "carrier": "Pavilion Post", "tracking": "PP1"
            }),
        ),
        example(
            "move_allocation",
            json!({
                "line_id": line, "warehouse_id": world.ids["warehouses"],
                "from_warehouse_id": world.ids["warehouses"]
            }),
        ),
        example("preview_refund", refund.clone()),
        example("refund_order", refund),
        // Too late: it is on its way.
        example("cancel_order", json!({ "reason": "too late" })),
        example("cancel_order_record", json!({ "reason": "too late" })),
    ]
}

fn platform() -> Vec<Example> {
    let tenant = json!({
        "slug": "third", "name": "Third Man", "plan": "standard", "domains": ["third.example"], "currency": "GBP",
        "locale": "en-GB", "country": "GB", "time_zone": "Europe/London", "region": "home",
        "owner_email": "owner@third.example", "owner_name": "Sam",
        "branding": {
            "header_colour": "#ffffff", "primary_colour": "#123456", "secondary_colour": "#654321", "font": "modern"
        }
    });
    vec![
        example("create_tenant", tenant),
        over(
            "change_tenant",
            1,
            json!({ "name": "Willow", "plan": "plus", "features": { "reviews": true } }),
        ),
        example("add_domain", json!({ "host": "willow.example" })),
    ]
}

fn people(world: &World) -> Vec<Example> {
    let cart = json!(world.ids["carts"]);
    let with_cart = |mut body: Value| {
        body["cart_id"] = cart.clone();
        body["cart_token"] = json!("0123456789abcdefghjkmnpqrs");
        body
    };
    let (email, password) = ("pat@shopper.example", "a long afternoon");
    let staff = json!({ "email": crate::testing::OWNER_EMAIL, "password": crate::testing::STAFF_PASSWORD });
    let operator =
        json!({ "email": "operator@platform.example", "password": crate::testing::STAFF_PASSWORD });
    vec![
        example("change_me", json!({ "name": "Pat", "phone": "+44 20 7946 0000", "locale": "hi-IN" })),
        example("add_address", json!({ "address": full_address(), "default": true })),
        over("replace_address", 1, json!({ "address": full_address(), "default": true })),
        example("set_consent", json!({ "granted": true, "wording_version": "2026-01" })),
        example("change_preferences", json!({ "country": "GB", "currency": "GBP" })),
        example(
            "register",
            with_cart(json!({
                "email": "ada@shopper.example", "password": "a long afternoon", "name": "Ada", "locale": "en-GB"
            })),
        ),
        example("log_in", with_cart(json!({ "email": email, "password": password }))),
        example("log_in_staff", staff),
        example("log_in_operator", operator),
        example(
            "invite_staff",
            json!({ "email": "new@willow.example", "name": "New Hand", "role": "support" }),
        ),
        example("change_staff", json!({ "role": "owner", "active": true })),
        example("create_api_key", json!({ "name": "Till", "scopes": ["orders:read"] })),
        example("set_up_staff", json!({ "setup_token": world.setup_token, "password": "a long innings" })),
        example("refresh", json!({ "refresh_token": world.refresh_token })),
        example("log_out", json!({ "refresh_token": world.refresh_token })),
        // It ends every session of who changes it, so it comes last.
        example(
            "change_own_password",
            json!({
                "current_password": crate::testing::STAFF_PASSWORD, "new_password": "a longer innings"
            }),
        ),
    ]
}

/// Ids of records of another shop, by the word before their underscore.
pub async fn of_the_neighbour(world: &World) -> BTreeMap<String, String> {
    let (owner, text) = (&world.stranger, |value: &Value| value.as_str().unwrap().to_owned());
    let made = async |path: &str, body: Value| {
        let reply = owner.post(&format!("/api/v1/admin/{path}"), body).await.expect(201).json();
        text(&reply["id"])
    };
    let body = json!({ "code": "SOUTH", "name": "South", "country": "GB" });
    let mut ids = vec![made("warehouses", body).await];
    ids.push(made("categories", json!({ "slug": "pads", "name": "Pads" })).await);
    owner.put("/api/v1/admin/product-types/pad", json!({ "name": "Pad" })).await.expect(200);
    let body = json!({
        "product": { "slug": "pad", "product_type": "pad", "name": "Pad" }, "variants": [{ "sku": "PAD" }]
    });
    let product = owner.post("/api/v1/admin/products", body).await.expect(201).json();
    ids.extend([text(&product["id"]), text(&product["variants"][0]["id"])]);
    let body = json!({ "kind": "other", "name": "Strap", "product_types": ["pad"], "prices": { "GBP": 1 } });
    ids.push(made("add-ons", body).await);
    let zone = made("shipping/zones", json!({ "name": "Britain", "areas": [{ "country": "GB" }] })).await;
    let body = json!({
        "name": "Post", "carrier": "Post", "tariffs": { "GBP": { "flat": 1 } }, "days_min": 1, "days_max": 2
    });
    ids.push(made(&format!("shipping/zones/{zone}/rates"), body).await);
    ids.push(text(&super::bad_input::upload(owner).await["id"]));
    let cart = world.shop.visitor_of("boundary.localhost").post("/api/v1/carts", json!({})).await.expect(201);
    ids.push(text(&cart.json()["id"]));
    let kind = |id: &String| id.rsplit_once('_').unwrap().0.to_owned();
    ids.into_iter().map(|id| (kind(&id), id)).collect()
}
