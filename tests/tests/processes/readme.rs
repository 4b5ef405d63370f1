//! The README's way from nothing to a shop that serves, word for word.

use gearify_tests::http::Host;
use gearify_tests::process::{Serve, gearify, run};
use reqwest::Method;
use serde_json::json;
use std::path::Path;

/// Runs a command line of the README with its settings file, and answers what it printed.
#[track_caller]
fn told(line: &str, config: &Path) -> String {
    let config = config.display().to_string();
    // Quoted words stay together.
    let words = line.split('"').enumerate().flat_map(|(n, part)| match n % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![part.to_owned()],
    });
    let words: Vec<String> =
        words.map(|word| if word == "gearify.toml" { config.clone() } else { word }).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ran = run(gearify(&words[1..]));
    assert!(ran.status.success(), "{line}: {}\n{}", ran.status, ran.stderr);
    ran.stdout
}

/// The path of the link in what was printed, and its host.
#[track_caller]
fn link(printed: &str) -> (String, String) {
    let link = printed.split_whitespace().find(|word| word.starts_with("http")).expect("a link is printed");
    let link = url::Url::parse(link).expect("the link is an address");
    (link.host_str().expect("a link has a host").to_owned(), link.path().to_owned())
}

#[test]
fn the_readme_leads_from_nothing_to_a_shop() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let (data, config) = (dir.path().join("data"), dir.path().join("gearify.toml"));
    let settings = format!("[node]\ndata_dir = \"{}\"\n", data.display());
    std::fs::write(&config, settings).expect("a settings file");

    told("gearify config check --config gearify.toml", &config);
    let init = "gearify init --config gearify.toml --email you@platform.example";
    let operator = link(&told(init, &config));
    let create = "gearify tenant create nets --config gearify.toml --name \"The Nets\" \
                  --domain shop.nets.example --owner-email owner@nets.example";
    let owner = link(&told(create, &config));
    assert_eq!((operator.0.as_str(), owner.0.as_str()), ("localhost", "shop.nets.example"));

    // `gearify serve`, with ports that are free here.
    let node = Serve::new(&data, &dir.path().join("log")).start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let password = "a password for the first day";
        for (host, path) in [&operator, &owner] {
            let host = Host::new(node.public, host);
            let page = host.request(Method::GET, path).send().await.expect("the node answers");
            assert_eq!(page.status(), 200);
            assert!(page.text().await.expect("a page").contains("New password"), "the link opens: {path}");
            let mut typed = url::form_urlencoded::Serializer::new(String::new());
            let typed = typed.append_pair("password", password).append_pair("again", password).finish();
            let set = || {
                let form = host.request(Method::POST, path).body(typed.clone());
                let form = form.header("content-type", "application/x-www-form-urlencoded");
                form.header("sec-fetch-site", "same-origin")
            };
            let answer = set().send().await.expect("the node answers");
            // The browser is sent on into the console.
            assert!(answer.url().path().starts_with("/console"), "{}: {}", answer.status(), answer.url());
            let again = set().send().await.expect("the node answers");
            assert_eq!(again.status(), 422, "a link works once");
        }
        let shop = Host::new(node.public, &owner.0);
        let token = shop.sign_in_staff("owner@nets.example", password).await;
        let request = shop.request(Method::GET, "/api/v1/admin/products").bearer_auth(token);
        shop.send(request).await.expect("the node answers").expect(200);
        let platform = Host::new(node.public, &operator.0);
        let body = json!({ "email": "you@platform.example", "password": password });
        platform.post("/platform/v1/auth/login", &body).await.expect(200);
    });
    node.stop();

    told("gearify doctor --config gearify.toml --audit", &config);
    told("gearify doctor --config gearify.toml --rebuild", &config);
}
