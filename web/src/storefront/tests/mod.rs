//! Stories told through the real router, gate, facts and apply, by a browser without scripts.

mod account;
mod browse;
mod browser;
mod buy;

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
    let in_tag = |attribute: &str| {
        page.html.split('<').any(|tag| tag.split('>').next().unwrap_or_default().contains(attribute))
    };
    for attribute in [" style=", " onclick=", " onload=", " onerror=", " onsubmit="] {
        assert!(!in_tag(attribute), "an inline {attribute}");
    }
}
