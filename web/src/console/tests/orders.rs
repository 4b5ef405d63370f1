//! From the list to the parcel, and back again.

use super::{Browser, manual_order, paid_order};
use crate::ports::with_scope;
use crate::testing::Shopfront;
use crate::tests::shopping::Basket;
use gearify_commerce::command::GroupKind;
use gearify_commerce::payments::{self, PAYMENTS};
use gearify_commerce::{Country, Name, PaymentId, Site, WarehouseId, catalog, inventory};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn an_order_is_found_shipped_in_parts_and_partly_refunded() {
    let shop = Shopfront::open();
    let id = paid_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let list = owner
        .open("/console/orders")
        .await
        .expect(200)
        .says("Pat Striker")
        .says("£763.95")
        .says("Not shipped");
    let number = list.link("1001");
    let order = owner
        .open(&number)
        .await
        .expect(200)
        .says("Order 1001")
        .says("pat@shopper.example")
        .says("1 Pavilion Lane");
    let ship = owner.open(&order.link("Ship")).await.expect(200).says("Still to ship");
    let lines: Vec<String> = ship
        .form("ship")
        .fields
        .iter()
        .filter(|(name, _)| name.starts_with("pieces."))
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(ship.form("ship").value(&lines[0]), "3", "what is open is proposed");

    let too_many = owner.send(ship.form("ship").set(&lines[0], "4")).await.expect(422);
    let too_many = too_many.says("Nothing was changed.").says("Write a whole number from 0 to 3.");
    assert_eq!(too_many.form("ship").value(&lines[0]), "4", "what was typed is kept");
    let part = too_many
        .form("ship")
        .set(&lines[0], "2")
        .set(&lines[1], "")
        .set("carrier", "Pavilion Post")
        .set("tracking", "PP 1");
    let order =
        owner.send(part).await.expect(200).says("The shipment is saved").says("Partly shipped").says("PP 1");
    assert_eq!(order.path, format!("/console/orders/{id}?done=shipped"));

    let refund =
        owner.open(&order.link("Refund")).await.expect(200).says("At most £763.95 can be given back.");
    let asked = refund
        .form("refund")
        .set(&lines[0], "1")
        .set("goodwill", "5")
        .set("reason", "A dent")
        .set("step", "preview");
    let asked = asked.set(&lines[0].replace("pieces", "restock"), "yes");
    let hash = shop.backend.state_hash();
    let effect =
        owner.send(asked).await.expect(200).says("1 × Seam Edition Bat, back to stock").says("£249.00");
    let effect = effect.says("Goodwill").says("Refund £254.00");
    assert_eq!(shop.backend.state_hash(), hash, "a preview changes nothing");
    let confirm = effect.form("confirm").set("step", "confirm");
    owner.send(confirm.clone()).await.expect(200).says("The refund is under way.").says("Under way");
    owner.send(confirm).await.expect(200);
    let order = owner.open(&format!("/console/orders/{id}")).await;
    assert_eq!(order.words().matches("A dent").count(), 1, "a double press acts once");

    let delivered = owner.send(order.button("Mark delivered")).await.expect(200);
    delivered.says("The shipment is marked as delivered.").says("Partly shipped");
    let slip =
        owner.open(&format!("/console/orders/{id}/packing-slip")).await.expect(200).says("Packing slip 1001");
    slip.says("BAT-SH").does_not_say("£");
    owner
        .open(&format!("/console/orders/{id}/invoice"))
        .await
        .expect(200)
        .says("VAT 20 %")
        .says("United Kingdom")
        .says("£763.95");
}

#[tokio::test]
async fn papers_have_numbers_and_say_what_they_are_for() {
    let shop = Shopfront::open();
    let id = paid_order(&shop).await;
    let waits = manual_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let order = owner.open(&format!("/console/orders/{id}")).await.expect(200).says("INV-000001");
    let invoice = owner.open(&order.link("INV-000001")).await.expect(200).says("Invoice INV-000001");
    let invoice = invoice.says("VAT 20 % on").says("£763.95").says("1 Pavilion Lane");
    assert_eq!(
        invoice.words(),
        owner.open(&format!("/console/orders/{id}/invoice")).await.expect(200).words()
    );
    let refund = owner.open(&format!("/console/orders/{id}/refund")).await;
    let asked = refund.form("refund").set("goodwill", "6").set("reason", "A dent").set("step", "preview");
    let effect = owner.send(asked).await.expect(200);
    owner.send(effect.form("confirm").set("step", "confirm")).await.expect(200);
    shop.backend.answer_calls();
    let order = owner.open(&format!("/console/orders/{id}")).await.expect(200).says("CN-000001");
    let note = owner.open(&order.link("CN-000001")).await.expect(200).says("Credit note CN-000001");
    note.says("INV-000001").says("Goodwill").says("£6.00").says("£1.00");

    let path = format!("/console/orders/{waits}");
    owner.open(&path).await.expect(200).does_not_say("INV-");
    owner.open(&format!("{path}/invoice")).await.expect(200).says("Pro forma 1002").does_not_say("Invoice");
    // A number opens nothing but the order that has it.
    owner.open(&format!("{path}/documents/INV-000001")).await.expect(404);
    owner.open(&format!("/console/orders/{id}/documents/INV-000002")).await.expect(404);
}

#[tokio::test]
async fn a_refund_over_two_payments_says_which_gives_what() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 1).await;
    basket.ready().await;
    let buyer = basket.client.with("idempotency-key", "k");
    let order = buyer.post("/api/v1/orders", basket.order("tok_timeout")).await.expect(201).json();
    let id = order["id"].as_str().unwrap();
    let payment = PaymentId::parse(order["payments"][0]["id"].as_str().unwrap()).unwrap();
    let attempt = with_scope(&*shop.backend, GroupKind::Region, shop.tenant, Site::FIRST, |view| {
        PAYMENTS.get(view, &payment).unwrap().attempt.id
    });
    let outcome = payments::Outcome::Captured { reference: "p".into(), amount: 1_000 };
    shop.backend.run(shop.tenant, payments::Command::Settle { payment, attempt, outcome });
    let holder = shop.visitor().with("order-token", order["order_token"].as_str().unwrap());
    let pay = json!({ "payment": { "provider": "test", "token": "tok_ok" } });
    let path = format!("/api/v1/orders/{id}/payments");
    holder.with("idempotency-key", "rest").post(&path, pay).await.expect(201);

    let mut owner = Browser::owner(&shop).await;
    let refund = owner.open(&format!("/console/orders/{id}/refund")).await.expect(200);
    let asked = refund.form("refund").set("goodwill", "16.95").set("reason", "Lost").set("step", "preview");
    let effect = owner.send(asked).await.expect(200).says("Refund £16.95");
    let effect = effect.says("£6.95 by Test payment").says("£10.00 by Test payment");
    let confirm = effect.form("confirm").set("step", "confirm");
    owner.send(confirm.clone().set("sources", "another")).await.expect(200).says("Refund £16.95");
    owner.send(confirm).await.expect(200).says("The refund is under way.");
    shop.backend.answer_calls();
    let order = owner.open(&format!("/console/orders/{id}")).await.expect(200);
    let order = order.says("£6.95").says("£10.00").says("Refunded");
    assert_eq!(order.words().matches("Goodwill").count(), 2, "{}", order.words());
}

#[tokio::test]
async fn what_goes_back_without_a_part_says_what_it_was() {
    let shop = Shopfront::open();
    let id = paid_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let cancel = owner.open(&format!("/console/orders/{id}/cancel")).await.expect(200);
    owner.send(cancel.form("cancel").set("reason", "Rain")).await.expect(200).says("The cancelled order");
}

#[tokio::test]
async fn a_line_is_sent_from_another_warehouse() {
    let shop = Shopfront::open();
    let id = paid_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let path = format!("/console/orders/{id}");
    let order = owner.open(&path).await.expect(200).says("Set aside");
    order.does_not_say("from elsewhere");
    let (name, country) = (Name::parse("Far house").unwrap(), Country::parse("GB").unwrap());
    let (id, code, priority, active) = (None, "FAR".to_owned(), 9, true);
    let far = inventory::Command::PutWarehouse { id, code, name, country, priority, active };
    let far = WarehouseId::from_bits(shop.backend.run(shop.tenant, far).id.unwrap());
    let order = owner.open(&path).await.expect(200);
    let page = owner.open(&order.link("Send BALL from elsewhere")).await.expect(200);
    let form = page.says("Far house (0 pieces are free)").form("move").set("warehouse", &far.to_string());
    let hash = shop.backend.state_hash();
    owner.send(form.clone()).await.expect(422).says("Not enough is free there.");
    owner.send(form.clone().set("warehouse", "x")).await.expect(422);
    assert_eq!(shop.backend.state_hash(), hash);
    let item = catalog::Variant::own_stock_item(shop.variants["BALL"]);
    let (sku, reason) = ("BALL".to_owned(), inventory::Reason::Received);
    let count = inventory::Command::Adjust { item, sku, warehouse: far, delta: 1, reason };
    shop.backend.run(shop.tenant, count);
    let order = owner.send(form).await.expect(200).says("The pieces are moved.").says("Far house: 1");
    order.says("Moved to warehouse FAR by Sam Scorer");
}

#[tokio::test]
async fn more_than_was_paid_is_never_given_back() {
    let shop = Shopfront::open();
    let id = paid_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let path = format!("/console/orders/{id}/refund");
    let refund = owner.open(&path).await;
    let form = refund.form("refund").set("step", "preview").set("reason", "Too much");
    let hash = shop.backend.state_hash();
    owner
        .send(form.clone().set("goodwill", "763.96"))
        .await
        .expect(422)
        .says("at most £763.95 can be given back");
    owner.send(form.clone()).await.expect(422).says("Choose pieces, delivery or an amount of goodwill.");
    owner
        .send(form.clone().set("goodwill", "12,5"))
        .await
        .expect(422)
        .says("Write an amount such as 1250.00.");
    owner.send(form.set("goodwill", "5").set("reason", "")).await.expect(422).says("Fill this in.");
    // An amount that does not fit what stands now is shown again instead of being made.
    let stale = owner.open(&path).await.form("refund").set("goodwill", "5").set("reason", "x");
    owner.send(stale.set("step", "confirm").set("amount", "999")).await.expect(200).says("Refund £5.00");
    assert_eq!(shop.backend.state_hash(), hash);
}

#[tokio::test]
async fn cancelling_shows_its_effect_and_gives_the_money_back() {
    let shop = Shopfront::open();
    let id = paid_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let page = owner.open(&format!("/console/orders/{id}/cancel")).await.expect(200);
    let page = page.says("4 pieces are free for others at once.").says("£763.95 given back to the customer.");
    owner.send(page.form("cancel").set("reason", "")).await.expect(422).says("Fill this in.");
    let order = owner.send(page.form("cancel").set("reason", "Called off by phone")).await.expect(200);
    let order = order.says("The order is cancelled").says("Called off by phone");
    assert!(!order.html.contains("/ship\""), "nothing is left to ship");
    owner.open(&format!("/console/orders/{id}/cancel")).await.says("can't be cancelled any more");
}

#[tokio::test]
async fn a_transfer_is_marked_as_received_and_notes_are_kept() {
    let shop = Shopfront::open();
    let id = manual_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let order = owner.open(&format!("/console/orders/{id}")).await.expect(200).says("Waiting for the money.");
    let order = owner
        .send(order.button("Mark as received"))
        .await
        .expect(200)
        .says("The payment is marked as received.");
    let order = order.says("Paid").says("Confirmed");
    owner.send(order.form("note").set("text", "  ")).await.expect(422).says("Write something first.");
    owner
        .send(order.form("note").set("text", "Rang about it.\nAll good."))
        .await
        .expect(200)
        .says("Rang about it. All good.")
        .says("by Sam Scorer");
    let received = owner.open(&format!("/console/orders/{id}")).await.expect(200);
    let received = received.says("Payment received, £28.95 by Sam Scorer");
    received.says("by the customer").says("by the system");
    let outbox = owner.open("/console/outbox").await.expect(200).says("Your order 1001 is confirmed");
    let outbox = outbox.says("We have your order 1001").says("pat@shopper.example");
    owner
        .open(&outbox.link("Your order 1001 is confirmed"))
        .await
        .expect(200)
        .says("Hello Pat Striker")
        .says("2 × Match Ball");
}

#[tokio::test]
async fn lists_are_filtered_searched_and_say_so() {
    let shop = Shopfront::open();
    paid_order(&shop).await;
    manual_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    owner.open("/console/orders?status=placed").await.says("1002").does_not_say("1001").says("1 order");
    owner.open("/console/orders?q=pat%40shopper.example").await.says("1001").says("1002");
    owner.open("/console/orders?q=status%3Aplaced").await.says("1002").does_not_say("£763.95");
    owner.open("/console/orders?q=nobody").await.says("No order fits.");
    owner.open("/console/orders?cursor=rubbish").await.expect(400);
    owner.open("/console/orders?nonsense=1&status=nonsense").await.expect(200);
    owner.open("/console/search?q=1001").await.expect(200).says("Pat Striker");
}

#[tokio::test]
async fn an_order_of_another_shop_is_not_there() {
    let shop = Shopfront::open();
    let id = paid_order(&shop).await;
    let mut other = Browser::signed_in(&shop, "boundary.localhost", "owner@boundary.example").await;
    for page in ["", "/ship", "/refund", "/cancel", "/invoice", "/packing-slip"] {
        other.open(&format!("/console/orders/{id}{page}")).await.expect(404);
    }
    let hash = shop.backend.state_hash();
    let form = other.open("/console/staff/new").await.form("colleague");
    let mut stolen = form.clone();
    stolen.action = format!("/console/orders/{id}/cancel");
    other.send(stolen.set("reason", "x")).await.expect(404);
    assert_eq!(shop.backend.state_hash(), hash);
    let reply = other.ask(Method::GET, "/console/orders/order_nonsense", None, bytes::Bytes::new()).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn the_orders_of_a_list_are_sorted_by_its_heads_and_taken_along_as_a_file() {
    let shop = Shopfront::open();
    paid_order(&shop).await;
    manual_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open("/console/orders?payment=paid").await.expect(200);
    assert!(
        list.html.contains(
            "aria-sort=\"descending\"><a href=\"/console/orders?payment=paid&#38;sort=oldest\">Placed"
        ),
        "{}",
        list.html
    );
    assert_eq!(list.link("Total"), "/console/orders?payment=paid&sort=dearest");
    let dearest = owner.open(&list.link("Total")).await.expect(200);
    assert_eq!(dearest.link("Total"), "/console/orders?payment=paid&sort=cheapest");

    let export = dearest.link("Export these");
    assert_eq!(export, "/console/orders/export?payment=paid&sort=dearest");
    let file = owner.ask(Method::GET, &export, None, Default::default()).await.expect(200);
    assert_eq!(file.text("content-type"), "text/csv; charset=utf-8");
    assert!(file.text("content-disposition").contains("orders.csv"));
    let text = String::from_utf8(file.bytes.to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "the head and the one order that is paid: {text}");
    assert!(lines[1].starts_with("1001,2026-01-01T00:00:00."), "{text}");
    let rest = "Pat Striker,pat@shopper.example,GB,confirmed,paid,unfulfilled,4,763.95,GBP";
    assert_eq!(lines[1].splitn(3, ',').last(), Some(rest), "{text}");
    owner.open("/console/orders?q=zyzzyva").await.expect(200).does_not_say("Export these");
}

#[tokio::test]
async fn the_figure_of_failed_payments_opens_exactly_what_it_counts() {
    let shop = Shopfront::open();
    manual_order(&shop).await;
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 1).await;
    basket.ready().await;
    let buyer = basket.client.with("idempotency-key", "declined");
    buyer.post("/api/v1/orders", basket.order("tok_declined")).await.expect(402);
    let mut owner = Browser::owner(&shop).await;
    let today = owner.open("/console").await.expect(200).says("Failed payments, 7 days");
    assert!(today.html.contains("href=\"/console/orders/failed-payments\""), "{}", today.html);
    let failed = owner.open("/console/orders/failed-payments").await.expect(200);
    let failed = failed.says("1002").says("card_declined").says("£16.95").says("1 payment");
    failed.does_not_say("1001");
    // A week later neither counts it.
    shop.backend.pass(8 * gearify_commerce::time::DAY_MS);
    let mut owner = Browser::owner(&shop).await;
    let today = owner.open("/console").await.expect(200);
    assert!(!today.html.contains("failed-payments"), "{}", today.html);
    owner.open("/console/orders/failed-payments").await.expect(200).says("No payment failed");
}
