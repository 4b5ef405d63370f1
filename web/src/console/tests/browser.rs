//! A browser without scripts: it follows redirects, keeps cookies, and sends forms as they stand on the
//! page with what a person changes in them.

use crate::testing::{Client, Reply, STAFF_PASSWORD, Shopfront};
use bytes::Bytes;
use http::{Method, StatusCode};
use std::collections::BTreeMap;

pub struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

/// A page as it was answered.
#[derive(Debug)]
pub struct Seen {
    pub status: StatusCode,
    pub path: String,
    pub html: String,
}

/// A form of a page, about to be sent.
#[derive(Clone, Debug)]
pub struct Filled {
    pub action: String,
    upload: bool,
    pub fields: Vec<(String, String)>,
    files: Vec<(String, Vec<u8>)>,
}

impl Browser {
    pub fn new(shop: &Shopfront, host: &str) -> Browser {
        Browser { client: shop.visitor_of(host), cookies: BTreeMap::new() }
    }

    /// Signs in by the form at the door.
    pub async fn signed_in(shop: &Shopfront, host: &str, email: &str) -> Browser {
        let mut browser = Browser::new(shop, host);
        let door = browser.open("/console/sign-in").await;
        let form = door.form("sign-in").set("email", email).set("password", STAFF_PASSWORD);
        let seen = browser.send(form).await;
        assert_eq!(seen.status, 200, "{}", seen.html);
        assert!(seen.path.starts_with("/console"), "{}", seen.path);
        browser
    }

    pub async fn owner(shop: &Shopfront) -> Browser {
        Browser::signed_in(shop, "willow.localhost", crate::testing::OWNER_EMAIL).await
    }

    /// One request, without following where it leads.
    pub async fn ask(&mut self, method: Method, path: &str, kind: Option<&str>, body: Bytes) -> Reply {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let client = self.client.with("cookie", &cookies.join("; ")).with("sec-fetch-site", "same-origin");
        let reply = client.send(method, path, kind, body).await;
        for set in reply.headers.get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        reply
    }

    pub async fn open(&mut self, path: &str) -> Seen {
        let mut path = path.to_owned();
        let mut reply = self.ask(Method::GET, &path, None, Bytes::new()).await;
        for _ in 0..5 {
            if reply.status != 303 && reply.status != 308 {
                break;
            }
            path = reply.text("location").to_owned();
            reply = self.ask(Method::GET, &path, None, Bytes::new()).await;
        }
        Seen { status: reply.status, path, html: String::from_utf8(reply.bytes.to_vec()).unwrap() }
    }

    pub async fn send(&mut self, form: Filled) -> Seen {
        let (kind, body) = form.body();
        let reply = self.ask(Method::POST, &form.action, Some(&kind), body).await;
        if reply.status == 303 {
            let to = reply.text("location").to_owned();
            return self.open(&to).await;
        }
        Seen {
            status: reply.status,
            path: form.action,
            html: String::from_utf8(reply.bytes.to_vec()).unwrap(),
        }
    }

    pub fn forget(&mut self) {
        self.cookies.clear();
    }
}

const BOUNDARY: &str = "seam-of-the-ball";

impl Filled {
    /// Replaces a field, or adds it.
    pub fn set(mut self, name: &str, value: &str) -> Filled {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As it stands on the page that came back: for another intention.
    pub fn again(self) -> Filled {
        let key = gearify_commerce::ids::encode_base32(rand::random());
        self.set("form_key", &key)
    }

    pub fn add(mut self, name: &str, value: &str) -> Filled {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Filled {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub fn file(mut self, name: &str, bytes: &[u8]) -> Filled {
        self.files.push((name.to_owned(), bytes.to_vec()));
        self
    }

    pub fn value(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn body(&self) -> (String, Bytes) {
        if !self.upload {
            let mut body = form_urlencoded::Serializer::new(String::new());
            body.extend_pairs(&self.fields);
            return ("application/x-www-form-urlencoded".into(), body.finish().into());
        }
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            body.extend(
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                    .bytes(),
            );
        }
        for (name, bytes) in &self.files {
            body.extend(
                format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n"
                )
                .bytes(),
            );
            body.extend(b"Content-Type: application/octet-stream\r\n\r\n".iter().chain(bytes).chain(b"\r\n"));
        }
        body.extend(format!("--{BOUNDARY}--\r\n").bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), body.into())
    }
}

impl Seen {
    #[track_caller]
    pub fn expect(self, status: u16) -> Seen {
        assert_eq!(self.status.as_u16(), status, "{}\n{}", self.path, self.words());
        self
    }

    #[track_caller]
    pub fn says(self, words: &str) -> Seen {
        assert!(self.words().contains(words), "{words:?} is not on {}\n{}", self.path, self.words());
        self
    }

    #[track_caller]
    pub fn does_not_say(self, words: &str) -> Seen {
        assert!(!self.words().contains(words), "{words:?} is on {}", self.path);
        self
    }

    /// The text a person reads, in one line.
    pub fn words(&self) -> String {
        let mut words = String::new();
        for piece in self.html.split('<') {
            let text = piece.split_once('>').map_or(piece, |(_, text)| text);
            words.push_str(&unescape(text));
            words.push(' ');
        }
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The form with this id, as a browser would send it untouched.
    #[track_caller]
    pub fn form(&self, id: &str) -> Filled {
        let forms =
            self.html.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap_or_default());
        let wanted = format!("id=\"{id}\"");
        let found =
            forms.into_iter().find(|form| form.split('>').next().unwrap_or_default().contains(&wanted));
        let form =
            found.unwrap_or_else(|| panic!("there is no form {id} on {}\n{}", self.path, self.words()));
        read_form(form)
    }

    /// The form of a single button with these words.
    #[track_caller]
    pub fn button(&self, label: &str) -> Filled {
        let forms =
            self.html.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap_or_default());
        let wanted = format!(">{label}</button>");
        let found = forms.into_iter().find(|form| form.contains(&wanted));
        let form =
            found.unwrap_or_else(|| panic!("there is no button {label} on {}\n{}", self.path, self.words()));
        read_form(form)
    }

    /// Where the link with these words leads.
    #[track_caller]
    pub fn link(&self, label: &str) -> String {
        let wanted = format!(">{label}</a>");
        let end = self
            .html
            .find(&wanted)
            .unwrap_or_else(|| panic!("there is no link {label} on {}\n{}", self.path, self.words()));
        let start = self.html[..end].rfind("<a ").expect("a link begins before its end");
        unescape(&attribute(&self.html[start..end], "href").expect("links lead somewhere"))
    }
}

fn read_form(form: &str) -> Filled {
    let head = form.split('>').next().unwrap_or_default();
    let mut filled = Filled {
        action: unescape(&attribute(head, "action").expect("forms lead somewhere")),
        upload: head.contains("multipart/form-data"),
        fields: Vec::new(),
        files: Vec::new(),
    };
    let mut rest = form;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let tag = rest.split('>').next().unwrap_or_default();
        let name = attribute(tag, "name").map(|name| unescape(&name));
        let Some(name) = name else { continue };
        if tag.starts_with("input") {
            let kind = attribute(tag, "type").unwrap_or_default();
            let ticks = matches!(kind.as_str(), "checkbox" | "radio");
            if kind == "file" || (ticks && !tag.contains(" checked")) {
                continue;
            }
            let value = attribute(tag, "value").unwrap_or_default();
            filled.fields.push((name, unescape(&value)));
        } else if tag.starts_with("textarea") {
            let inside = &rest[tag.len() + 1..];
            let text = inside.split("</textarea>").next().unwrap_or_default();
            filled.fields.push((name, unescape(text.strip_prefix('\n').unwrap_or(text))));
        } else if tag.starts_with("select") {
            let inside = rest.split("</select>").next().unwrap_or_default();
            let options: Vec<&str> = inside.split("<option").skip(1).collect();
            let chosen = options
                .iter()
                .find(|option| option.split('>').next().unwrap_or_default().contains(" selected"));
            if let Some(option) = chosen.or(options.first()) {
                let value =
                    attribute(option.split('>').next().unwrap_or_default(), "value").unwrap_or_default();
                filled.fields.push((name, unescape(&value)));
            }
        }
    }
    filled
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    Some(tag[start..].split('"').next()?.to_owned())
}

fn unescape(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    plain
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}
