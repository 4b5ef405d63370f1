//! Personal texts are nowhere on the disk in the clear, from the first entry on: not in the log, not in
//! the state, the history, the projections or a snapshot, and not in what the process says.

use gearify_node::state::GROUPS;
use gearify_replication::{GroupOptions, Timers};
use gearify_tests::files::{all, holding};
use gearify_tests::over_http::MARKS;
use gearify_tests::scenario::owner;
use gearify_tests::shop::{OWNER, Premises, SLUG};
use gearify_tests::{Cluster, OverHttp, Telling};
use serde_json::json;

/// Texts of the customer with an account and of the owner; the owner's remark is about a person too.
const OTHERS: [&str; 6] =
    ["Penhaligon", "zqx-account", "Owner Example", OWNER.0, "correct horse battery", "Brabinger"];

fn look_for_marks(premises: &Premises, sku: &str) {
    let data = premises.data();
    let found = holding(&data, &[sku]);
    // The search works: what is no secret is there to be found, and in more than one kind of file.
    let in_part = |part: &str| found.iter().any(|(file, _)| file.starts_with(data.join(part)));
    assert!(in_part("log") && in_part("events") && in_part("projections"), "{found:?}");
    assert_eq!(holding(&data, &MARKS), []);
    assert_eq!(holding(&data, &OTHERS), []);
    assert_eq!(holding(&premises.log(), &MARKS), []);
    assert_eq!(holding(&premises.log(), &OTHERS), []);
}

#[test]
fn no_personal_text_is_on_the_disk_or_in_the_log() {
    let mut shop = OverHttp::noisy();
    shop.product("BAT-OF-PROOF", "249.00").stock("BAT-OF-PROOF", 9);
    let (ada, bob, cat) = (shop.shopper("ada"), shop.shopper("bob"), shop.shopper("cat"));
    shop.run([ada.adds("BAT-OF-PROOF", 1), ada.pays(), owner::ships(&ada), owner::refunds(&ada, 1, true)]);
    shop.run([bob.adds("BAT-OF-PROOF", 1), bob.pays_with("tok_declined"), bob.tries_again("tok_ok")]);
    shop.run([cat.adds("BAT-OF-PROOF", 1), cat.gives_address(), cat.reserves()]);
    let order = shop.order_id(&ada).to_owned();
    let (host, token) = shop.signed_in();
    shop.premises.runtime.block_on(async {
        let account = json!({
            "email": "zqx-account@people.example", "password": "a long enough password 7",
            "name": "Wilhelmina Penhaligon",
        });
        host.post("/api/v1/auth/register", &account).await.expect(201);
        let note = json!({ "text": "Call Mrs Brabinger before delivery" });
        let path = format!("/api/v1/admin/orders/{order}/notes");
        let request = host.request(reqwest::Method::POST, &path).bearer_auth(&token).json(&note);
        host.send(request).await.expect("the node answers").expect(201);
        // Searching for people is how a name could get into a log.
        let asked = "/api/v1/admin/orders?q=Quillfeather";
        let request = host.request(reqwest::Method::GET, asked).bearer_auth(&token);
        host.send(request).await.expect("the node answers").expect(200);
    });
    let premises = shop.close();
    assert!(premises.log().exists() && all(&premises.data()).len() > 10);
    let said = std::fs::read_to_string(premises.log()).expect("the log can be read");
    assert!(said.contains("DEBUG"), "the process was talkative");
    look_for_marks(&premises, "BAT-OF-PROOF");

    // In snapshots too.
    let purging =
        GroupOptions { timers: Timers::lan(), keep_entries: 0, purge_entries: 1, ..GroupOptions::default() };
    let files = Cluster::at_with(&premises.data(), purging);
    files.purge();
    files.stop();
    let snapshots = all(&premises.data().join("log")).into_iter();
    let snapshots: Vec<_> = snapshots.filter(|file| file.to_string_lossy().contains("snapshot")).collect();
    assert!(snapshots.len() >= GROUPS.len(), "there are snapshots: {snapshots:?}");
    assert!(snapshots.iter().any(|file| !holding(file, &[SLUG, "BAT-OF-PROOF"]).is_empty()));
    look_for_marks(&premises, "BAT-OF-PROOF");
}
