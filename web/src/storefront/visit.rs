//! One request for a page: whose shop, in which language, in which shell, for whom.

use super::view::ShellKind;
use crate::auth::{Cookie, cookie_value};
use crate::gate::{Asked, Call, Caller};
use crate::l10n;
use crate::problem::Problem;
use crate::read::products::Market;
use crate::shop::Shop;
use axum::extract::{FromRequestParts, RawPathParams};
use gearify_commerce::tenants::Settings;
use gearify_commerce::{Locale, intent};
use http::request::Parts;
use http::{HeaderMap, header};
use std::sync::Arc;

/// What a handler of a page knows of its request.
pub struct Visit {
    pub call: Call,
    pub shop: Arc<Shop>,
    pub locale: Locale,
    /// `""`, or `"/hi"` where the shop has several languages; stands before every fixed address.
    pub base: String,
    /// As asked for, with the prefix.
    pub path: String,
    /// What the router took from the path, the locale left out.
    pub segments: Vec<String>,
    pub query: Vec<(String, String)>,
    pub kind: ShellKind,
    /// Host and port as the browser sees them.
    pub authority: String,
    pub headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Visit, Problem> {
        let call = Call::of(&parts.extensions)?;
        let shop = call.shop()?.clone();
        // Broken percent-encoding names nothing.
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|error| Problem::not_found("page").because(error))?;
        let mut prefix = None;
        let mut segments = Vec::new();
        for (name, value) in &params {
            match name {
                "locale" => prefix = Some(value),
                _ => segments.push(value.to_owned()),
            }
        }
        let locale = match prefix {
            None => shop.settings().locale.clone(),
            Some(prefix) => by_prefix(shop.settings(), prefix).ok_or_else(|| Problem::not_found("page"))?,
        };
        let base = prefix.map_or_else(String::new, |prefix| format!("/{prefix}"));
        let query = parts.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().take(QUERY_PAIRS_MAX).collect();
        Ok(Visit {
            authority: authority(parts, &shop),
            kind: shell_kind(&parts.headers),
            path: parts.uri.path().to_owned(),
            headers: parts.headers.clone(),
            call,
            shop,
            locale,
            base,
            segments,
            query,
        })
    }
}

impl Visit {
    /// The visit a call came from, as far as it is still known: for pages about its problem.
    pub(crate) fn again(call: &Call, shop: &Arc<Shop>, asked: &Asked) -> Visit {
        let headers = asked.page.headers();
        let (locale, base) = base_of(shop.settings(), asked.path());
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        Visit {
            authority: authority_of(host, shop),
            kind: asked.page.kind,
            path: asked.path().to_owned(),
            call: call.clone(),
            shop: shop.clone(),
            segments: Vec::new(),
            query: Vec::new(),
            locale,
            base,
            headers,
        }
    }
}

impl Visit {
    /// The same visitor on the page that a form belongs to, which is shown again with what is wrong.
    pub fn at(&self, path: String) -> Visit {
        Visit {
            path,
            call: self.call.clone(),
            shop: self.shop.clone(),
            locale: self.locale.clone(),
            base: self.base.clone(),
            segments: self.segments.clone(),
            query: Vec::new(),
            kind: self.kind,
            authority: self.authority.clone(),
            headers: self.headers.clone(),
        }
    }
}

/// Language and prefix of any path.
pub fn base_of(settings: &Settings, path: &str) -> (Locale, String) {
    let first = path.split('/').nth(1).unwrap_or_default();
    match by_prefix(settings, first) {
        Some(locale) => (locale, format!("/{first}")),
        None => (settings.locale.clone(), String::new()),
    }
}

/// More parameters than any link of ours has.
const QUERY_PAIRS_MAX: usize = 100;

impl Visit {
    pub fn settings(&self) -> &Settings {
        self.shop.settings()
    }

    /// The locale that words and numbers are written in.
    pub fn page_locale(&self) -> l10n::Locale {
        page_locale(&self.locale)
    }

    pub fn text(&self) -> l10n::Text {
        self.page_locale().text()
    }

    pub fn segment(&self) -> &str {
        self.segments.first().map_or("", String::as_str)
    }

    /// The first value of a parameter, without surrounding blanks; blank is absent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name)?;
        Some(found.1.trim()).filter(|value| !value.is_empty())
    }

    /// In which language, currency and country goods are shown.
    pub fn market(&self) -> Market {
        let settings = self.settings();
        Market {
            locale: self.locale.clone(),
            default_locale: settings.locale.clone(),
            currency: settings.currency,
            country: settings.home.country.clone(),
            at: self.call.now(),
        }
    }

    /// The same, as a new cart keeps it.
    pub fn cart_market(&self) -> intent::Market {
        let Market { locale, currency, country, .. } = self.market();
        intent::Market { country, currency, locale }
    }

    /// Somebody with a cart or a login: their pages are theirs alone.
    pub fn is_known(&self) -> bool {
        !matches!(self.call.caller(), Caller::Guest) || self.cookie(Cookie::Cart).is_some()
    }

    pub fn cookie(&self, cookie: Cookie) -> Option<&str> {
        cookie_value(&self.headers, cookie).filter(|value| !value.is_empty())
    }

    /// The script asks for data where a browser asks for a page.
    pub fn wants_json(&self) -> bool {
        let accept = self.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.starts_with("application/json"))
    }

    /// A path of this shop, with the locale prefix.
    pub fn to(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn scheme(&self) -> &'static str {
        if self.call.state().settings.tls { "https" } else { "http" }
    }

    /// The address of a path for the world outside: under the shop's first domain.
    pub fn absolute(&self, path: &str) -> String {
        let host = self.shop.tenant.domains.first().map_or(self.shop.host.as_str(), |host| host.as_str());
        let port = self.authority.rsplit_once(':').map_or("", |(_, port)| port);
        let port = if port.is_empty() { String::new() } else { format!(":{port}") };
        format!("{}://{host}{port}{path}", self.scheme())
    }

    /// The path under which search engines should know this page.
    pub fn canonical_path(&self, path: &str) -> String {
        format!("{}{path}", prefix_of(self.settings(), &self.locale))
    }
}

pub fn page_locale(locale: &Locale) -> l10n::Locale {
    // A language without a file of words: the merchant's words stand among English ones.
    l10n::Locale::parse(locale.as_str()).unwrap_or(l10n::Locale::EN_GB)
}

/// What stands before the addresses of a language: nothing for the shop's first one.
pub fn prefix_of(settings: &Settings, locale: &Locale) -> String {
    if *locale == settings.locale {
        return String::new();
    }
    let same_language = settings.locales().filter(|other| other.language() == locale.language()).count();
    match same_language {
        0 | 1 => format!("/{}", locale.language()),
        _ => format!("/{}", locale.as_str().to_ascii_lowercase()),
    }
}

/// The language a first path segment names, in shops that have several.
fn by_prefix(settings: &Settings, prefix: &str) -> Option<Locale> {
    if settings.further_locales.is_empty() {
        return None;
    }
    let whole = settings.locales().find(|locale| locale.as_str().eq_ignore_ascii_case(prefix));
    let language = || {
        let mut fitting = settings.locales().filter(|locale| locale.language() == prefix);
        fitting.next().filter(|_| fitting.next().is_none())
    };
    whole.or_else(language).cloned()
}

/// Host and port as the request names them, if the host is the shop's.
fn authority(parts: &Parts, shop: &Shop) -> String {
    let target = parts.uri.authority().map(|authority| authority.as_str());
    let header = || parts.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    authority_of(target.or_else(header), shop)
}

fn authority_of(given: Option<&str>, shop: &Shop) -> String {
    let port = given.and_then(|authority| authority.rsplit_once(':')).map(|(_, port)| port);
    match port.filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(port) => format!("{}:{port}", shop.host),
        None => shop.host.clone(),
    }
}

/// By the client hint; browsers without it say it in their name.
pub fn shell_kind(headers: &HeaderMap) -> ShellKind {
    let hint = headers.get("sec-ch-ua-mobile").map(|value| value.as_bytes());
    let by_name = || {
        let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        agent.is_some_and(|agent| agent.contains("Mobi"))
    };
    let mobile = match hint {
        Some(b"?1") => true,
        Some(b"?0") => false,
        _ => by_name(),
    };
    if mobile { ShellKind::Mobile } else { ShellKind::Desktop }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gearify_commerce::tenants::TimeZone;
    use gearify_commerce::{Country, Currency};
    use http::HeaderValue;

    fn settings(locales: &[&str]) -> Settings {
        let locale = |tag: &str| Locale::parse(tag).unwrap();
        let mut settings = Settings::new(
            Currency::parse("INR").unwrap(),
            locale(locales[0]),
            Country::parse("IN").unwrap(),
            TimeZone::parse("Asia/Kolkata").unwrap(),
        );
        settings.further_locales = locales[1..].iter().map(|tag| locale(tag)).collect();
        settings
    }

    #[test]
    fn a_prefix_names_a_language_only_where_there_are_several() {
        let maidan = settings(&["hi-IN", "en-IN"]);
        let found = |prefix: &str| by_prefix(&maidan, prefix).map(|locale| locale.as_str().to_owned());
        assert_eq!(found("en").as_deref(), Some("en-IN"));
        assert_eq!(found("en-in").as_deref(), Some("en-IN"));
        assert_eq!(found("hi").as_deref(), Some("hi-IN"));
        assert_eq!(found("cart"), None);
        assert_eq!(by_prefix(&settings(&["en-GB"]), "en"), None);
        let english = settings(&["en-GB", "en-IN"]);
        assert_eq!(by_prefix(&english, "en"), None, "which of the two?");
        assert_eq!(prefix_of(&english, &english.further_locales[0]), "/en-in");
        assert_eq!(prefix_of(&maidan, &maidan.further_locales[0]), "/en");
        assert_eq!(prefix_of(&maidan, &maidan.locale), "");
    }

    #[test]
    fn the_hint_outranks_the_name_of_the_browser() {
        let kind = |hint: Option<&'static str>, agent: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
            if let Some(hint) = hint {
                headers.insert("sec-ch-ua-mobile", HeaderValue::from_static(hint));
            }
            shell_kind(&headers)
        };
        let phone = "Mozilla/5.0 (Linux; Android 14) Mobile Safari/537.36";
        assert_eq!(kind(None, phone), ShellKind::Mobile);
        assert_eq!(kind(Some("?0"), phone), ShellKind::Desktop);
        assert_eq!(kind(Some("?1"), "Mozilla/5.0 (X11; Linux x86_64)"), ShellKind::Mobile);
        assert_eq!(kind(None, "curl/8"), ShellKind::Desktop);
    }
}
