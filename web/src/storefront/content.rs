//! Pages of words, the shop's looks, and what machines ask for: style sheet, icon, manifest, robots,
//! site map, drawings, addresses of old.

use super::answer::{Built, redirect, shared, takes_gzip, zip};
use super::convert::{day, excerpt, page_label};
use super::frame::Brand;
use super::view::content::ContentPage;
use super::view::parts::Link;
use super::view::{Head, RichText};
use super::visit::{Visit, prefix_of};
use crate::assets::asset_by_path;
use crate::illustration::Spec;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::response::Response;
use gearify_commerce::catalog::{self, ProductStatus};
use gearify_commerce::command::GroupKind;
use gearify_commerce::tenants::{self, PageKind};
use http::{HeaderValue, StatusCode, header};
use moka::sync::Cache;
use std::sync::LazyLock;

/// `GET /pages/{slug}`
pub async fn show_page(visit: Visit) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("page");
    let kind = PageKind::parse(visit.segment()).ok_or_else(unknown)?;
    let page = visit.call.read(GroupKind::World, |view| tenants::page(view, kind)).ok_or_else(unknown)?;
    shared(&visit, &[], async || {
        let settings = visit.settings();
        let t = visit.text();
        let words = page.body.words(&visit.locale, &settings.locale);
        let written: Vec<PageKind> = visit.call.read(GroupKind::World, |view| {
            PageKind::ALL.into_iter().filter(|kind| tenants::page(view, *kind).is_some()).collect()
        });
        let link =
            |kind: &PageKind| Link::new(page_label(*kind, t), visit.to(&format!("/pages/{}", kind.as_str())));
        let (title, words) = RichText::without_title(words);
        let content = ContentPage {
            title: title.unwrap_or_else(|| page_label(kind, t).to_owned()),
            body: RichText::from_markdown(words),
            updated: Some(day(page.updated_at, settings)),
            siblings: written.iter().map(link).collect(),
        };
        let path = format!("/pages/{}", kind.as_str());
        let head = Head {
            description: excerpt(words, 155),
            canonical_url: Some(visit.absolute(&visit.canonical_path(&path))),
            ..Head::default()
        };
        Ok(Built::new(content, head))
    })
    .await
}

/// `GET /catalog`
pub async fn move_catalog(visit: Visit) -> Result<Response, Problem> {
    let to = match visit.segment() {
        "" => "/".to_owned(),
        path => format!("/c/{path}"),
    };
    Ok(redirect(StatusCode::PERMANENT_REDIRECT, &visit.to(&to)))
}

/// `GET /admin`
pub async fn move_admin() -> Response {
    redirect(StatusCode::PERMANENT_REDIRECT, "/console")
}

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("public, max-age=300");
const DAILY: HeaderValue = HeaderValue::from_static("public, max-age=3600");

fn file(bytes: Bytes, media_type: &'static str, keep: HeaderValue) -> Response {
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    response
}

/// `GET /brand/{file}`: named by the hash of what they hold. An old name gets what is there now, for a
/// short time: a page rendered before the change still finds its style.
pub async fn get_brand(visit: Visit) -> Result<Response, Problem> {
    let brand = visit.call.state().storefront.frames.brand(&visit.shop);
    let Brand { sheet, sheet_url, icon, icon_url, front, front_url, manifest, manifest_url, .. } = &*brand;
    let (bytes, media_type, url) = match visit.segment().split_once('.') {
        Some((_, "front.svg")) => (front, "image/svg+xml", front_url),
        Some((_, "css")) => (sheet, "text/css; charset=utf-8", sheet_url),
        Some((_, "svg")) => (icon, "image/svg+xml", icon_url),
        Some((_, "webmanifest")) => (manifest, "application/manifest+json", manifest_url),
        _ => return Err(Problem::not_found("file")),
    };
    let keep = if visit.path == *url { FOR_EVER } else { ASK_AGAIN };
    Ok(zipped_file(&visit, bytes, media_type, keep))
}

/// Compressed files, by the hash of their content.
static ZIPPED: LazyLock<Cache<[u8; 32], Bytes>> = LazyLock::new(|| Cache::new(2_000));

fn zipped_file(visit: &Visit, bytes: &Bytes, media_type: &'static str, keep: HeaderValue) -> Response {
    const SMALL: usize = 512;
    if bytes.len() < SMALL || !takes_gzip(&visit.headers) {
        return file(bytes.clone(), media_type, keep);
    }
    let zipped = ZIPPED.get_with(*blake3::hash(bytes).as_bytes(), || zip(bytes));
    let mut response = file(zipped, media_type, keep);
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

/// `GET /favicon.ico`: where browsers look that have seen no page.
pub async fn get_favicon(visit: Visit) -> Result<Response, Problem> {
    let brand = visit.call.state().storefront.frames.brand(&visit.shop);
    Ok(redirect(StatusCode::FOUND, &brand.icon_url))
}

/// `GET /assets/{path}`
pub async fn get_asset(request: axum::extract::Request) -> Result<Response, Problem> {
    let path = request.uri().path().strip_prefix("/assets/").unwrap_or_default();
    let asset = asset_by_path(path).ok_or_else(|| Problem::not_found("file"))?;
    let keep = if asset.immutable { FOR_EVER } else { ASK_AGAIN };
    Ok(file(asset.bytes.into_owned().into(), asset.media_type, keep))
}

/// `GET /media/{spec}`: one of our own drawings, by its name.
pub async fn get_drawing(visit: Visit) -> Result<Response, Problem> {
    static DRAWN: LazyLock<Cache<Spec, Bytes>> = LazyLock::new(|| Cache::new(500));
    let spec: Spec = visit.segment().parse().map_err(|_| Problem::not_found("picture"))?;
    let drawing = DRAWN.get_with(spec, || spec.svg().into());
    Ok(zipped_file(&visit, &drawing, "image/svg+xml", FOR_EVER))
}

/// `GET /robots.txt`
pub async fn get_robots(visit: Visit) -> Result<Response, Problem> {
    let site_map = visit.absolute("/sitemap.xml");
    let text = format!(
        "User-agent: *\nDisallow: /cart\nDisallow: /checkout/\nDisallow: /orders/\nDisallow: /account\n\
         Disallow: /api/\nDisallow: /console\nDisallow: /search\nDisallow: /compare\n\nSitemap: {site_map}\n"
    );
    Ok(file(text.into(), "text/plain; charset=utf-8", DAILY))
}

/// Products named in one file of the site map.
const MAP_PRODUCTS: u32 = 1_000;

/// `GET /sitemap.xml`: all addresses of a small shop, or the list of its parts.
pub async fn get_site_map(visit: Visit) -> Result<Response, Problem> {
    let products = visit.call.read(GroupKind::Catalogue, |view| catalog::product_count(view));
    let parts = products.div_ceil(MAP_PRODUCTS);
    if parts <= 1 {
        let mut paths = places(&visit);
        paths.extend(product_paths(&visit, 0));
        return Ok(xml(url_set(&visit, &paths)));
    }
    let mut index = String::from(XML);
    index.push_str("<sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    let addresses = std::iter::once("/sitemap/places.xml".to_owned())
        .chain((0..parts).map(|part| format!("/sitemap/products-{part}.xml")));
    for address in addresses {
        index.push_str(&format!("<sitemap><loc>{}</loc></sitemap>\n", escaped(&visit.absolute(&address))));
    }
    index.push_str("</sitemapindex>\n");
    Ok(xml(index))
}

/// `GET /sitemap/{part}`
pub async fn get_site_map_part(visit: Visit) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("file");
    let part = visit.segment().strip_suffix(".xml").ok_or_else(unknown)?;
    let paths = match part {
        "places" => places(&visit),
        part => {
            let number: u32 =
                part.strip_prefix("products-").and_then(|n| n.parse().ok()).ok_or_else(unknown)?;
            let products = visit.call.read(GroupKind::Catalogue, |view| catalog::product_count(view));
            if number > 0 && number >= products.div_ceil(MAP_PRODUCTS) {
                return Err(unknown());
            }
            product_paths(&visit, number)
        }
    };
    Ok(xml(url_set(&visit, &paths)))
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn xml(text: String) -> Response {
    file(text.into(), "application/xml", DAILY)
}

/// First page, categories, pages of words.
fn places(visit: &Visit) -> Vec<String> {
    let categories = visit.call.read(GroupKind::Catalogue, |view| catalog::categories(view));
    let live = categories.into_iter().filter(|category| !category.archived);
    let pages = visit.call.read(GroupKind::World, |view| {
        PageKind::ALL.into_iter().filter(|kind| tenants::page(view, *kind).is_some()).collect::<Vec<_>>()
    });
    let mut paths = vec!["/".to_owned()];
    paths.extend(live.map(|category| format!("/c/{}", category.path)));
    paths.extend(pages.into_iter().map(|kind| format!("/pages/{}", kind.as_str())));
    paths
}

fn product_paths(visit: &Visit, part: u32) -> Vec<String> {
    let first = part.saturating_mul(MAP_PRODUCTS) + 1;
    visit.call.read(GroupKind::Catalogue, |view| {
        let last = catalog::product_count(view).min(first.saturating_add(MAP_PRODUCTS - 1));
        let products = (first..=last).filter_map(|number| catalog::product_by_number(view, number));
        let active = products.filter(|product| product.status == ProductStatus::Active);
        active.map(|product| format!("/p/{}", product.details.slug)).collect()
    })
}

/// Every path in every language of the shop.
fn url_set(visit: &Visit, paths: &[String]) -> String {
    let settings = visit.settings();
    let mut text = String::from(XML);
    text.push_str("<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    for path in paths {
        for locale in settings.locales() {
            let address = visit.absolute(&format!("{}{path}", prefix_of(settings, locale)));
            text.push_str(&format!("<url><loc>{}</loc></url>\n", escaped(&address)));
        }
    }
    text.push_str("</urlset>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;")
}

/// The version of a page that a shopper agrees to; `None` if it is not written.
pub fn version(visit: &Visit, kind: PageKind) -> Option<u64> {
    visit.call.read(GroupKind::World, |view| tenants::page(view, kind)).map(|page| page.revision)
}
