//! What holds for every page, in every shell, shop and manner of text.

mod markup;

use std::collections::{BTreeMap, BTreeSet};

use markup::Element;

use super::sample::{HOSTILE, Mode, SHOPS, Sample};
use super::shell::ShellKind;

/// One rendered page with the words to find it by.
struct Rendered {
    name: String,
    html: String,
    elements: Vec<Element>,
    mode: Mode,
}

fn every_page() -> Vec<Rendered> {
    let mut rendered = Vec::new();
    for shop in SHOPS {
        for mode in [Mode::Plain, Mode::Hostile, Mode::Long, Mode::Empty] {
            // The words of one shop are enough for the unusual manners.
            if mode != Mode::Plain && shop.slug != "willow" {
                continue;
            }
            let sample = Sample { mode, ..shop };
            for kind in ShellKind::ALL {
                for page in sample.pages() {
                    let html = page.page.render(&sample.shell(kind, &page.path));
                    let name = format!("{} {mode:?} {kind:?} {}", shop.slug, page.name);
                    let elements =
                        markup::read(&html).unwrap_or_else(|problem| panic!("{name}: {problem}\n{html}"));
                    rendered.push(Rendered { name, html, elements, mode });
                }
            }
        }
    }
    rendered
}

/// Holds every page to a rule that names what breaks it.
fn hold(rule: impl Fn(&Rendered) -> Vec<String>) {
    let broken: Vec<String> = every_page()
        .iter()
        .flat_map(|page| rule(page).into_iter().map(|problem| format!("{}: {problem}", page.name)))
        .collect();
    assert!(broken.is_empty(), "{} breaches:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn no_page_holds_inline_style_or_script() {
    hold(|page| {
        let mut problems = Vec::new();
        for element in &page.elements {
            if element.tag == "style" {
                problems.push("a style element".to_owned());
            }
            if element.tag == "script" {
                let is_data = element.get("type") == Some("application/ld+json");
                let is_file = element.get("src").is_some_and(|src| src.starts_with("/assets/"));
                if !(is_data || is_file && element.text.is_empty()) {
                    problems.push(format!("an inline script: {element:?}"));
                }
            }
            for name in element.attributes.keys() {
                if name == "style" || name.starts_with("on") {
                    problems.push(format!("{name} on <{}>", element.tag));
                }
            }
            let target =
                element.get("href").or(element.get("src")).or(element.get("action")).unwrap_or_default();
            if target.trim().to_ascii_lowercase().starts_with("javascript:") {
                problems.push(format!("a script as the address of <{}>", element.tag));
            }
        }
        problems
    });
}

#[test]
fn hostile_texts_stay_texts() {
    hold(|page| {
        if page.mode != Mode::Hostile {
            return Vec::new();
        }
        let mut problems = Vec::new();
        if page.html.contains(HOSTILE)
            || page.html.contains("<script>alert")
            || page.html.contains("<img src=x")
        {
            problems.push("the text stands as it came".to_owned());
        }
        if !page.html.contains("alert(1)") {
            problems.push("no hostile text got here, so nothing was shown".to_owned());
        }
        problems
    });
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    hold(|page| {
        let mut problems = Vec::new();
        let mut ids = BTreeSet::new();
        for id in page.elements.iter().filter_map(|element| element.get("id")) {
            if id.is_empty() || id.contains(char::is_whitespace) || !ids.insert(id) {
                problems.push(format!("the id {id:?} is empty, broken or there twice"));
            }
        }
        for element in &page.elements {
            let references = ["for", "form", "aria-labelledby", "aria-describedby", "aria-controls"]
                .into_iter()
                .filter_map(|name| element.get(name))
                .flat_map(str::split_whitespace);
            let anchor = element.get("href").and_then(|href| href.strip_prefix('#'));
            for reference in references.chain(anchor) {
                if !ids.contains(reference) {
                    problems.push(format!("<{}> refers to #{reference}, which is not there", element.tag));
                }
            }
        }
        problems
    });
}

#[test]
fn every_field_has_a_label_and_every_button_a_name() {
    hold(|page| {
        let labels: BTreeMap<&str, &str> = page
            .elements
            .iter()
            .filter(|element| element.tag == "label")
            .filter_map(|label| Some((label.get("for")?, label.text.trim())))
            .collect();
        let mut problems = Vec::new();
        for element in &page.elements {
            let named = element.get("aria-label").is_some_and(|name| !name.trim().is_empty());
            match element.tag.as_str() {
                "input" if element.get("type") == Some("hidden") => {}
                "input" | "select" | "textarea" => {
                    let label = element.get("id").and_then(|id| labels.get(id));
                    // In the empty manner labels that a merchant writes are empty too.
                    if !named && label.is_none_or(|text| text.is_empty() && page.mode != Mode::Empty) {
                        problems.push(format!("{:?} has no label", element.attributes));
                    }
                }
                "button" | "a" | "summary" => {
                    let pictured =
                        page.mode == Mode::Empty || element.text.trim().chars().any(char::is_alphanumeric);
                    if !named && !pictured {
                        problems.push(format!("<{}> {:?} has no name", element.tag, element.attributes));
                    }
                }
                _ => {}
            }
        }
        problems
    });
}

#[test]
fn every_page_has_its_landmarks_and_one_first_heading() {
    hold(|page| {
        let count = |tag: &str| page.elements.iter().filter(|element| element.tag == tag).count();
        let mut problems = Vec::new();
        for (tag, expected) in [("main", 1), ("h1", 1), ("title", 1), ("html", 1)] {
            if count(tag) != expected {
                problems.push(format!("{} times <{tag}>", count(tag)));
            }
        }
        if !page.elements.iter().any(|element| element.get("href") == Some("#main")) {
            problems.push("no way to skip to the content".to_owned());
        }
        let html = page.elements.iter().find(|element| element.tag == "html");
        if html.is_none_or(|html| html.get("lang").is_none_or(str::is_empty) || html.get("dir").is_none()) {
            problems.push("no language or direction".to_owned());
        }
        if !page.elements.iter().any(|element| element.get("aria-live") == Some("polite")) {
            problems.push("nothing announces".to_owned());
        }
        problems
    });
}

#[test]
fn pictures_keep_their_place_and_say_what_they_show() {
    hold(|page| {
        page.elements
            .iter()
            .filter(|element| element.tag == "img")
            .filter(|image| ["alt", "width", "height", "src"].iter().any(|name| image.get(name).is_none()))
            .map(|image| format!("{:?}", image.attributes))
            .collect()
    });
}

#[test]
fn forms_that_change_something_carry_the_token() {
    hold(|page| {
        let posts = page.elements.iter().filter(|element| element.get("method") == Some("post")).count();
        let tokens = page.elements.iter().filter(|element| element.get("name") == Some("csrf")).count();
        let expected = if page.mode == Mode::Empty { 0 } else { posts };
        if tokens == expected { Vec::new() } else { vec![format!("{posts} forms, {tokens} tokens")] }
    });
}

#[test]
fn lists_hold_items_and_forms_do_not_nest() {
    hold(|page| {
        let mut problems = Vec::new();
        for element in &page.elements {
            let parent = element.within.last().map(String::as_str);
            if element.tag == "li" && !matches!(parent, Some("ul" | "ol")) {
                problems.push(format!("<li> in {parent:?}"));
            }
            if matches!(element.tag.as_str(), "dt" | "dd") && !matches!(parent, Some("dl" | "div")) {
                problems.push(format!("<{}> in {parent:?}", element.tag));
            }
            if element.tag == "form" && element.within.iter().any(|tag| tag == "form") {
                problems.push("a form in a form".to_owned());
            }
            if matches!(element.tag.as_str(), "div" | "p" | "ul" | "section")
                && element.within.iter().any(|tag| matches!(tag.as_str(), "p"))
            {
                problems.push(format!("<{}> in a paragraph", element.tag));
            }
        }
        problems
    });
}

#[test]
fn a_page_is_small() {
    hold(|page| {
        let most = if page.mode == Mode::Plain { 80 * 1024 } else { usize::MAX };
        if page.html.len() <= most { Vec::new() } else { vec![format!("{} bytes", page.html.len())] }
    });
}

#[test]
fn the_same_page_is_the_same_bytes() {
    for (one, two) in every_page().iter().zip(every_page()) {
        assert_eq!(one.html, two.html, "{}", one.name);
    }
}

#[test]
fn a_failed_payment_can_be_tried_again_with_one_press() {
    let sample = SHOPS[0];
    let page = sample.pages().into_iter().find(|page| page.name == "order-failed").unwrap();
    let html = page.page.render(&sample.shell(ShellKind::Desktop, &page.path));
    assert!(html.contains("action=\"/orders/order_1/payments\""));
    assert!(html.contains("name=\"idempotency_key\" value=\"0199-sample-key-2\""));
    assert!(html.contains("Pay £330.95"));
    assert!(html.contains("kept until 14:32"));
}

#[test]
fn what_was_typed_comes_back_with_what_is_wrong() {
    let sample = SHOPS[0];
    let page = sample.pages().into_iter().find(|page| page.name == "checkout-delivery-wrong").unwrap();
    let html = page.page.render(&sample.shell(ShellKind::Mobile, &page.path));
    let elements = markup::read(&html).unwrap();
    let code = elements.iter().find(|element| element.get("name") == Some("shipping.postal_code")).unwrap();
    assert_eq!(code.get("value"), Some("M1"));
    assert_eq!(code.get("aria-invalid"), Some("true"));
    let described = code.get("aria-describedby").unwrap();
    let error = elements.iter().find(|element| element.get("id") == Some(described)).unwrap();
    assert!(error.text.contains("like M1 2AB"));
}

#[test]
fn the_pay_button_says_what_is_paid_and_the_key_is_in_the_form() {
    let sample = SHOPS[2];
    let page = sample.pages().into_iter().find(|page| page.name == "checkout-review").unwrap();
    let html = page.page.render(&sample.shell(ShellKind::Desktop, &page.path));
    assert!(html.contains("data-once"));
    assert!(html.contains("name=\"idempotency_key\""));
    assert!(html.contains("ऑर्डर दें और ₹"), "the button speaks Hindi");
    assert!(html.contains("lang=\"hi-IN\""));
}
