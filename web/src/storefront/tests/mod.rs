//! Stories told through the real router, gate, facts and apply, by a browser without scripts.

mod account;
mod browse;
mod browser;
mod buy;
mod compare;
mod heads;
mod papers;
mod settings;
mod verify;

use browser::Page;

/// The policy allows none, so that a page with one would be broken.
#[track_caller]
fn assert_no_inline(page: &Page) {
    for script in page.html.split("<script").skip(1) {
        let head = script.split('>').next().unwrap();
        let harmless = head.contains("src=\"/assets/") || head.contains("application/ld+json");
        assert!(harmless, "an inline script: {head}");
    }
    assert!(!page.html.contains("<style"), "an inline style sheet");
    // Names of attributes alone: their values may say anything, being quoted.
    let names = |tag: &str| tag.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    for tag in page.html.split('<').map(|tag| names(tag.split('>').next().unwrap_or_default())) {
        for attribute in [" style=", " onclick=", " onload=", " onerror=", " onsubmit="] {
            assert!(!tag.contains(attribute), "inline: {tag}");
        }
    }
}
