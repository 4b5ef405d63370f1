//! What stands around every page of a shop: kept per shop and language, shared by its visitors.

use super::as_of::CatalogueAsOf;
use super::checkout::at_checkout;
use super::convert::{amount, media_picture, page_label};
use super::view::branding::stylesheet;
use super::view::parts::{Link, Picture};
use super::view::{Branding, Category, Colour, FontChoice, Footer, LanguageLink, Shop as ShopView};
use super::visit::{Visit, page_locale, prefix_of};
use crate::app::AppState;
use crate::illustration::{self, Palette, favicon};
use crate::l10n;
use crate::ports::with_scope;
use crate::read::values::media_url;
use crate::shop::Shop;
use bytes::Bytes;
use gearify_commerce::cart::Destination;
use gearify_commerce::catalog::{self, CategoryNode, MEDIA, MEDIA_BY_HASH};
use gearify_commerce::command::GroupKind;
use gearify_commerce::scope::View;
use gearify_commerce::tenants::{self, FontFamily, PageKind, PaymentMethod};
use gearify_commerce::{Locale, MediaId, ReadScope, Site, TenantId, shipping};
use moka::sync::Cache;
use std::sync::Arc;

/// A shop's part of its pages in one language.
pub struct Frame {
    /// As the world's log had it; another `Arc` is another state.
    shop: Arc<Shop>,
    as_of: CatalogueAsOf,
    /// Without links to other languages: those differ by page.
    pub view: Arc<ShopView>,
    /// Of the language's prefix the addresses in `view` carry.
    base: String,
}

/// Style sheet and favicon of a shop, by the hash in their addresses.
pub struct Brand {
    shop: Arc<Shop>,
    pub sheet: Bytes,
    pub sheet_url: String,
    pub icon: Bytes,
    pub icon_url: String,
    /// A bat and a ball, the bat with the shop's own label: the picture of the first page.
    pub front: Bytes,
    pub front_url: String,
    pub manifest: Bytes,
    pub manifest_url: String,
}

pub struct Frames {
    frames: Cache<(TenantId, Locale, String), Arc<Frame>>,
    brands: Cache<TenantId, Arc<Brand>>,
}

/// Frames kept: a few hundred busy shops in a few languages.
const FRAMES_MAX: u64 = 2_000;
const BRANDS_MAX: u64 = 1_000;

impl Default for Frames {
    fn default() -> Frames {
        Frames { frames: Cache::new(FRAMES_MAX), brands: Cache::new(BRANDS_MAX) }
    }
}

impl Frames {
    pub fn frame(&self, state: &AppState, shop: &Arc<Shop>, locale: &Locale, base: &str) -> Arc<Frame> {
        let key = (shop.id(), locale.clone(), base.to_owned());
        if let Some(frame) = self.frames.get(&key)
            && Arc::ptr_eq(&frame.shop, shop)
            && frame.as_of.still_holds(state, shop.id())
        {
            return frame;
        }
        let frame = Arc::new(self.build(state, shop, locale, base));
        self.frames.insert(key, frame.clone());
        frame
    }

    pub fn brand(&self, shop: &Arc<Shop>) -> Arc<Brand> {
        if let Some(brand) = self.brands.get(&shop.id())
            && Arc::ptr_eq(&brand.shop, shop)
        {
            return brand;
        }
        let brand = Arc::new(Brand::of(shop));
        self.brands.insert(shop.id(), brand.clone());
        brand
    }

    fn build(&self, state: &AppState, shop: &Arc<Shop>, locale: &Locale, base: &str) -> Frame {
        let as_of = CatalogueAsOf::now(state, shop.id());
        let brand = self.brand(shop);
        let language = page_locale(locale);
        let (categories, logo, promise) =
            with_scope(&*state.backend, GroupKind::Catalogue, shop.id(), Site::NONE, |view| {
                (categories(view, shop, locale, base), logo(view, shop), promise(view, shop, locale, base))
            });
        let help = with_scope(&*state.backend, GroupKind::World, shop.id(), Site::NONE, |view| {
            help_pages(view, language, base)
        });
        let view = ShopView {
            name: shop.tenant.profile.value.name.to_string(),
            tagline: String::new(),
            stylesheet_url: brand.sheet_url.clone(),
            logo,
            favicon_url: brand.icon_url.clone(),
            manifest_url: Some(brand.manifest_url.clone()),
            theme_colour: shop.tenant.branding.value.header_colour.to_string(),
            categories,
            promise,
            footer: footer(shop, help, language),
            languages: Vec::new(),
        };
        Frame { shop: shop.clone(), as_of, view: Arc::new(view), base: base.to_owned() }
    }
}

impl Frame {
    /// The frame of one page: with links to the same page in the shop's other languages.
    pub fn for_page(&self, visit: &Visit) -> Arc<ShopView> {
        let settings = self.shop.settings();
        if settings.further_locales.is_empty() {
            return self.view.clone();
        }
        let path = visit.path.strip_prefix(self.base.as_str()).unwrap_or(&visit.path);
        let path = if path.is_empty() { "/" } else { path };
        let link = |locale: &Locale| LanguageLink {
            label: endonym(locale),
            tag: locale.to_string(),
            href: visit.absolute(&format!("{}{path}", prefix_of(settings, locale))),
            current: *locale == visit.locale,
        };
        let languages = settings.locales().map(link).collect();
        Arc::new(ShopView { languages, ..(*self.view).clone() })
    }
}

fn endonym(locale: &Locale) -> String {
    match l10n::Locale::parse(locale.as_str()) {
        Some(known) => known.language().endonym().to_owned(),
        None => locale.to_string(),
    }
}

/// Levels of departments in menus.
const MENU_DEPTH: usize = 2;

fn categories(view: &ReadScope<'_>, shop: &Shop, locale: &Locale, base: &str) -> Vec<Category> {
    let default = &shop.settings().locale;
    level(catalog::category_tree(view), MENU_DEPTH, &|node: &CategoryNode| {
        let name = node.category.details.name.words(locale, default).to_owned();
        (name, format!("{base}/c/{}", node.category.path))
    })
}

fn level(
    nodes: Vec<CategoryNode>,
    depth: usize,
    link: &impl Fn(&CategoryNode) -> (String, String),
) -> Vec<Category> {
    if depth == 0 {
        return Vec::new();
    }
    let category = |node: CategoryNode| {
        let (name, href) = link(&node);
        Category { name, href, children: level(node.children, depth - 1, link) }
    };
    nodes.into_iter().map(category).collect()
}

/// The logo with its size, if it is among the shop's pictures.
fn logo(view: &(impl View + ?Sized), shop: &Shop) -> Option<Picture> {
    let hash = shop.tenant.branding.value.logo.as_ref()?;
    let known = MEDIA_BY_HASH.rows(view, &hash.as_str(), 1).into_iter().next().and_then(|(key, _)| {
        let id = <[u8; 16]>::try_from(key.get(key.len().checked_sub(16)?..)?).ok()?;
        MEDIA.get(view, &MediaId::from_bits(u128::from_be_bytes(id)))
    });
    let settings = shop.settings();
    match known {
        Some(media) => Some(media_picture(&media, &settings.locale, &settings.locale, 320)),
        None => Some(Picture {
            url: media_url(hash.as_str(), Some(320)),
            alt: String::new(),
            width: 160,
            height: 48,
            large_url: None,
        }),
    }
}

/// From which worth on delivery at home costs nothing, if it ever does.
fn promise(view: &ReadScope<'_>, shop: &Shop, locale: &Locale, base: &str) -> Option<Link> {
    let settings = shop.settings();
    let home = &settings.home;
    let to = Destination { country: home.country.clone(), region: home.region.clone(), postal_prefix: None };
    let rates = shipping::rates_of(view, shipping::zone_of(view, &to)?.id);
    let offered = rates.iter().filter(|rate| !rate.archived);
    let free = offered.filter_map(|rate| rate.details.tariffs.get(&settings.currency)?.free_from).min()?;
    let language = page_locale(locale);
    let words = language.text().promise_free(language.price(amount(free, settings.currency)));
    Some(Link::new(words, format!("{base}/pages/{}", PageKind::Delivery.as_str())))
}

fn help_pages(view: &(impl View + ?Sized), locale: l10n::Locale, base: &str) -> Vec<Link> {
    let written = PageKind::ALL.into_iter().filter(|kind| tenants::page(view, *kind).is_some());
    written
        .map(|kind| Link::new(page_label(kind, locale.text()), format!("{base}/pages/{}", kind.as_str())))
        .collect()
}

fn footer(shop: &Shop, help: Vec<Link>, locale: l10n::Locale) -> Footer {
    let mut legal_entity = Vec::new();
    let mut contact = Vec::new();
    if let Some(legal) = &shop.tenant.legal.value {
        legal_entity.push(legal.name.to_string());
        legal_entity.extend(legal.address.iter().map(ToString::to_string));
        legal_entity
            .extend([&legal.registration, &legal.tax_id].into_iter().flatten().map(ToString::to_string));
        contact.extend([&legal.email, &legal.phone].into_iter().flatten().map(ToString::to_string));
    }
    let methods = shop.settings().payment_methods.iter().filter(|method| at_checkout(**method));
    let payment_methods = methods.map(|method| method_label(*method, locale.text())).collect();
    Footer { help, legal_entity, contact, payment_methods }
}

/// What a way to pay is called in the footer: the same ways the checkout offers.
fn method_label(method: PaymentMethod, t: l10n::Text) -> String {
    match method {
        PaymentMethod::Test => t.pay_test().to_owned(),
        PaymentMethod::Manual => t.pay_manual().to_owned(),
        PaymentMethod::Stripe => "Visa, Mastercard".to_owned(),
        PaymentMethod::Paypal => "PayPal".to_owned(),
    }
}

impl Brand {
    fn of(shop: &Arc<Shop>) -> Brand {
        let branding = branding_of(&shop.tenant.branding.value);
        let name = shop.tenant.profile.value.name.as_str();
        let sheet = stylesheet(&branding);
        let initial = name.chars().next().unwrap_or('•');
        let icon = favicon(initial, branding.primary);
        let front = illustration::front(&label_of(&shop.tenant.branding.value), FRONT_SEED);
        let url = |content: &str, extension: &str| {
            let hash = blake3::hash(content.as_bytes()).to_hex();
            format!("/brand/{}.{extension}", &hash.as_str()[..16])
        };
        let icon_url = url(&icon, "svg");
        let front_url = url(&front, "front.svg");
        let manifest = manifest(name, shop, &icon_url);
        Brand {
            shop: shop.clone(),
            sheet_url: url(&sheet, "css"),
            sheet: sheet.into(),
            icon: icon.into(),
            front: front.into(),
            front_url,
            manifest_url: url(&manifest, "webmanifest"),
            manifest: manifest.into(),
            icon_url,
        }
    }
}

/// The grain of the bat on the first page.
const FRONT_SEED: u64 = 3;

/// The label of the shop's own bat: its colours mixed, because it stands out from willow and from the
/// ground it is shown on, which is the first of them.
fn label_of(branding: &tenants::Branding) -> Palette {
    let (ground, second) = (colour_of(&branding.primary_colour), colour_of(&branding.secondary_colour));
    Palette { primary: ground.mixed_with(second, 0.5), secondary: illustration::PARCHMENT }
}

fn colour_of(colour: &tenants::Colour) -> Colour {
    let [red, green, blue] = colour.rgb();
    Colour::new(red, green, blue)
}

fn manifest(name: &str, shop: &Shop, icon_url: &str) -> String {
    serde_json::json!({
        "name": name,
        "short_name": name.chars().take(24).collect::<String>(),
        "start_url": "/",
        "display": "browser",
        "background_color": "#fbf9f4",
        "theme_color": shop.tenant.branding.value.header_colour.as_str(),
        "icons": [{ "src": icon_url, "sizes": "any", "type": "image/svg+xml" }],
    })
    .to_string()
}

fn branding_of(branding: &tenants::Branding) -> Branding {
    let font = match branding.font {
        FontFamily::Classic => FontChoice::Classic,
        FontFamily::Bookish => FontChoice::Bookish,
        FontFamily::Friendly => FontChoice::Rounded,
        FontFamily::Modern => FontChoice::Plain,
    };
    let header = colour_of(&branding.header_colour);
    // The single action of a page keeps the red of a ball, whatever the shop's colours are.
    Branding { font, header, ..Branding::new(colour_of(&branding.primary_colour)) }
}
