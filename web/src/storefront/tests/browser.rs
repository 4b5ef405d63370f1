//! A browser without scripts: keeps cookies, follows redirects, fills in the forms it finds.

use crate::testing::{Client, Reply, Shopfront};
use axum::body::Bytes;
use http::{Method, header};
use std::collections::BTreeMap;

pub struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
    pub path: String,
    pub page: Page,
}

/// A document as it came.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub status: u16,
    pub html: String,
    pub headers: http::HeaderMap,
}

/// A form of a page with what stands in its fields.
#[derive(Clone, Debug)]
pub struct Form {
    pub method: Method,
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Browser {
    pub fn new(shop: &Shopfront) -> Browser {
        Browser::of(shop.visitor())
    }

    pub fn of(client: Client) -> Browser {
        Browser { client, cookies: BTreeMap::new(), path: "/".into(), page: Page::default() }
    }

    pub fn with(self, name: &'static str, value: &str) -> Browser {
        Browser { client: self.client.with(name, value), ..self }
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    async fn send(&mut self, method: Method, path: &str, form: Option<String>) -> Reply {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut client = self.client.clone();
        if !cookies.is_empty() {
            client = client.with("cookie", &cookies.join("; "));
        }
        if method != Method::GET {
            client = client.with("sec-fetch-site", "same-origin");
        }
        let kind = form.is_some().then_some("application/x-www-form-urlencoded");
        let reply = client.send(method, path, kind, Bytes::from(form.unwrap_or_default())).await;
        for set in reply.headers.get_all(header::SET_COOKIE) {
            let text = set.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            match text.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        reply
    }

    /// Opens an address and whatever it leads to.
    pub async fn open(&mut self, path: &str) -> &Page {
        let reply = self.send(Method::GET, path, None).await;
        self.arrive(path, reply).await
    }

    async fn arrive(&mut self, path: &str, mut reply: Reply) -> &Page {
        let mut path = path.to_owned();
        for _ in 0..5 {
            if !reply.status.is_redirection() || reply.status == http::StatusCode::NOT_MODIFIED {
                break;
            }
            path = reply.text("location").to_owned();
            reply = self.send(Method::GET, &path, None).await;
        }
        self.path = path;
        self.page = Page {
            status: reply.status.as_u16(),
            html: String::from_utf8_lossy(&reply.bytes).into_owned(),
            headers: reply.headers,
        };
        &self.page
    }

    /// Sends a form of the page as it stands, with these fields filled in.
    pub async fn submit(&mut self, action: &str, filled: &[(&str, &str)]) -> &Page {
        let mut form = self.page.form(action);
        for (name, value) in filled {
            form.fields.retain(|(known, _)| known != name);
            form.fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        self.post(&form).await
    }

    pub async fn post(&mut self, form: &Form) -> &Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        if form.method == Method::GET {
            return self.open(&format!("{}?{body}", form.action)).await;
        }
        let reply = self.send(form.method.clone(), &form.action, Some(body)).await;
        self.arrive(&form.action, reply).await
    }
}

impl Page {
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Page {
        assert_eq!(self.status, status, "{}", self.html);
        self
    }

    #[track_caller]
    pub fn says(&self, words: &str) -> &Page {
        assert!(self.html.contains(words), "the page does not say {words:?}:\n{}", self.html);
        self
    }

    #[track_caller]
    pub fn is_silent_about(&self, words: &str) -> &Page {
        assert!(!self.html.contains(words), "the page says {words:?}:\n{}", self.html);
        self
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The form that is sent to an address, with the fields a browser would send.
    #[track_caller]
    pub fn form(&self, action: &str) -> Form {
        let found = self.html.split("<form ").skip(1).find(|rest| {
            let head = rest.split('>').next().unwrap_or_default();
            attribute(head, "action").as_deref() == Some(action)
        });
        let rest = found.unwrap_or_else(|| panic!("no form leads to {action}:\n{}", self.html));
        let text = rest.split("</form>").next().unwrap();
        let head = text.split('>').next().unwrap();
        let method = match attribute(head, "method").as_deref() {
            Some("post") => Method::POST,
            _ => Method::GET,
        };
        Form { method, action: action.to_owned(), fields: fields(text) }
    }

    pub fn has_form(&self, action: &str) -> bool {
        self.html.contains(&format!("action=\"{action}\""))
    }

    /// The message beside a field.
    pub fn error_of(&self, field: &str) -> Option<String> {
        let id = crate::storefront::view::parts::element_id("f", field);
        let rest = self.html.split(&format!("id=\"{id}-error\">")).nth(1)?;
        rest.split('<').next().map(unescape)
    }

    /// The first address that starts so.
    pub fn link(&self, start: &str) -> Option<String> {
        let rest = self.html.split("href=\"").skip(1).find(|rest| rest.starts_with(start))?;
        rest.split('"').next().map(unescape)
    }
}

fn fields(form: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut rest = form;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let tag = rest.split('>').next().unwrap_or_default();
        let has = |word: &str| tag.split_whitespace().any(|part| part == word);
        let Some(name) = attribute(tag, "name") else { continue };
        match tag.split_whitespace().next() {
            Some("input") => {
                let kind = attribute(tag, "type").unwrap_or_default();
                let value = attribute(tag, "value").unwrap_or_default();
                if !matches!(kind.as_str(), "radio" | "checkbox") || has("checked") {
                    fields.push((name, value));
                }
            }
            Some("select") => {
                let options = rest.split("</select>").next().unwrap_or_default();
                let all: Vec<&str> = options.split("<option ").skip(1).collect();
                let chosen =
                    all.iter().find(|option| option.split('>').next().unwrap().contains(" selected"));
                if let Some(option) = chosen.or(all.first()) {
                    fields.push((
                        name,
                        attribute(option.split('>').next().unwrap(), "value").unwrap_or_default(),
                    ));
                }
            }
            Some("textarea") => {
                let inner = rest.split_once('>').map_or("", |(_, inner)| inner);
                let text = inner.split("</textarea>").next().unwrap_or_default();
                fields.push((name, unescape(text.strip_prefix('\n').unwrap_or(text))));
            }
            _ => {}
        }
    }
    fields
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split(&format!("{name}=\"")).nth(1)?;
    rest.split('"').next().map(unescape)
}

pub fn unescape(text: &str) -> String {
    text.replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}
