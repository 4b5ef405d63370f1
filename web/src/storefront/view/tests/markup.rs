//! Reads the HTML the templates write: strict where a browser forgives, so that a break-out or a
//! slip shows.

use std::collections::BTreeMap;

/// A start tag with its attributes, in the order of the page.
#[derive(Debug, Clone)]
pub(super) struct Element {
    pub(super) tag: String,
    pub(super) attributes: BTreeMap<String, String>,
    /// Tags it stands in, outermost first.
    pub(super) within: Vec<String>,
    /// The text directly and deeper inside, filled at its end.
    pub(super) text: String,
}

impl Element {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

const VOID: [&str; 8] = ["meta", "link", "img", "input", "br", "hr", "path", "circle"];

/// All elements of a page, or where it is not well formed.
pub(super) fn read(html: &str) -> Result<Vec<Element>, String> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = html.strip_prefix("<!doctype html>").ok_or("the doctype is missing")?;
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        for index in &open {
            elements[*index].text.push_str(text);
        }
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('/') {
            let end = after.find('>').ok_or("an end tag does not end")?;
            let name = &after[..end];
            let index = open.pop().ok_or_else(|| format!("</{name}> ends nothing"))?;
            if elements[index].tag != name {
                return Err(format!("</{name}> where <{}> is open", elements[index].tag));
            }
            rest = &after[end + 1..];
            continue;
        }
        let (mut element, after, closed) = start_tag(rest)?;
        element.within = open.iter().map(|index| elements[*index].tag.clone()).collect();
        rest = after;
        if let Some(alt) = element.get("alt") {
            // A picture speaks for the link it stands in.
            for index in &open {
                elements[*index].text.push_str(alt);
            }
        }
        let is_void = closed || VOID.contains(&element.tag.as_str());
        let is_script = element.tag == "script";
        elements.push(element);
        if is_script {
            let end = rest.find("</script>").ok_or("a script does not end")?;
            elements.last_mut().expect("just pushed").text = rest[..end].to_owned();
            rest = &rest[end + "</script>".len()..];
        } else if !is_void {
            open.push(elements.len() - 1);
        }
    }
    match open.last() {
        None => Ok(elements),
        Some(index) => Err(format!("<{}> is never closed", elements[*index].tag)),
    }
}

/// Reads `name attr="value" …>`; the answer is the element, what follows it, and whether it ended in `/>`.
fn start_tag(source: &str) -> Result<(Element, &str, bool), String> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || "-_:".contains(character);
    let end = source.find(|character| !is_name(character)).ok_or("a tag does not end")?;
    if end == 0 {
        return Err(format!("a bare < before {:?}", source.chars().take(30).collect::<String>()));
    }
    let mut element = Element {
        tag: source[..end].to_owned(),
        attributes: BTreeMap::new(),
        within: Vec::new(),
        text: String::new(),
    };
    let mut rest = &source[end..];
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("/>") {
            return Ok((element, after, true));
        }
        if let Some(after) = rest.strip_prefix('>') {
            return Ok((element, after, false));
        }
        let end = rest.find(|character| !is_name(character)).ok_or("an attribute does not end")?;
        if end == 0 {
            return Err(format!("<{}> holds {:?}", element.tag, rest.chars().take(40).collect::<String>()));
        }
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix("=\"") {
            let end = after.find('"').ok_or("a value does not end")?;
            value = after[..end].to_owned();
            rest = &after[end + 1..];
        } else if rest.starts_with('=') {
            return Err(format!("{name} of <{}> is not quoted", element.tag));
        }
        if element.attributes.insert(name.clone(), value).is_some() {
            return Err(format!("<{}> has {name} twice", element.tag));
        }
    }
}

#[test]
fn the_reader_is_strict() {
    let page = |body: &str| format!("<!doctype html>{body}");
    assert!(read(&page("<p class=\"a\" hidden>x<br>y</p>")).is_ok());
    for wrong in ["<p>", "<p></div>", "<p a=b></p>", "<p \"></p>", "<p a=\"1\" a=\"2\"></p>", "a < b", "</p>"]
    {
        assert!(read(&page(wrong)).is_err(), "{wrong}");
    }
}
