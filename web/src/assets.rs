//! Style sheets, scripts and drawings inside the binary, under names that change with their content.
//!
//! `shop.css` is served as `/assets/storefront/shop.<hash>.css` and may be kept for ever: another
//! content is another name. Inside style sheets and scripts a reference to another asset is written
//! relative and quoted (`"./seam.svg"`) and is replaced by that asset's hashed address, so a change
//! of a part changes the name of the whole. References never form a circle (a test holds them to it).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_embed::Embed;

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/assets"]
struct Files;

/// One asset as it is served.
#[derive(Debug, Clone)]
pub struct Asset {
    pub bytes: Cow<'static, [u8]>,
    pub media_type: &'static str,
    /// Asked for by its hashed name: the answer never changes.
    pub immutable: bool,
}

struct Served {
    url: String,
    bytes: Cow<'static, [u8]>,
    media_type: &'static str,
}

/// All assets by their plain name (`storefront/shop.css`).
static BY_NAME: LazyLock<BTreeMap<String, Served>> = LazyLock::new(|| {
    let mut served = BTreeMap::new();
    for name in Files::iter() {
        serve(&name, &mut served, &mut Vec::new());
    }
    served
});

/// Plain names by hashed path (`storefront/shop.0123456789ab.css`).
static BY_PATH: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    BY_NAME.iter().map(|(name, served)| (&served.url["/assets/".len()..], name.as_str())).collect()
});

/// The address of an asset by its plain name, relative to `web/assets`.
///
/// # Panics
/// If there is none: a template named a file that does not exist, which every rendering test finds.
pub fn asset_url(name: &str) -> &'static str {
    match BY_NAME.get(name) {
        Some(served) => &served.url,
        None => panic!("no asset is called {name}"),
    }
}

/// The asset for a path below `/assets/`; by its plain name too, but then not for ever.
pub fn asset_by_path(path: &str) -> Option<Asset> {
    let (name, immutable) = match BY_PATH.get(path) {
        Some(name) => (*name, true),
        None => (path, false),
    };
    BY_NAME.get(name).map(|served| Asset {
        bytes: served.bytes.clone(),
        media_type: served.media_type,
        immutable,
    })
}

/// The text of an asset, with its references resolved.
pub fn text(name: &str) -> Option<&'static str> {
    std::str::from_utf8(&BY_NAME.get(name)?.bytes).ok()
}

/// Every asset by its plain name with its address.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    BY_NAME.iter().map(|(name, served)| (name.as_str(), served.url.as_str()))
}

/// Resolves one file after everything it refers to.
fn serve(name: &str, served: &mut BTreeMap<String, Served>, path: &mut Vec<String>) {
    if served.contains_key(name) {
        return;
    }
    assert!(
        !path.iter().any(|above| above == name),
        "assets refer to each other in a circle: {path:?} {name}"
    );
    let Some(file) = Files::get(name) else { return };
    path.push(name.to_owned());
    let bytes = match media_type(name) {
        "text/css; charset=utf-8" | "text/javascript; charset=utf-8" => {
            let source = String::from_utf8_lossy(&file.data).into_owned();
            Cow::Owned(resolve(name, &source, served, path).into_bytes())
        }
        _ => file.data,
    };
    path.pop();
    let url = format!("/assets/{}", hashed(name, &bytes));
    served.insert(name.to_owned(), Served { url, bytes, media_type: media_type(name) });
}

/// Replaces quoted relative names of existing assets by their addresses.
fn resolve(
    name: &str,
    source: &str,
    served: &mut BTreeMap<String, Served>,
    path: &mut Vec<String>,
) -> String {
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut pieces = source.split("\"./");
    let mut resolved = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let reference = piece.split('"').next().unwrap_or_default();
        let target = format!("{folder}/{reference}");
        serve(&target, served, path);
        match served.get(&target) {
            Some(found) => {
                resolved.push('"');
                resolved.push_str(&found.url);
                resolved.push_str(&piece[reference.len()..]);
            }
            None => {
                resolved.push_str("\"./");
                resolved.push_str(piece);
            }
        }
    }
    resolved
}

fn hashed(name: &str, bytes: &[u8]) -> String {
    let hash = blake3::hash(bytes).to_hex();
    let short = &hash.as_str()[..12];
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}.{short}.{extension}"),
        None => format!("{name}.{short}"),
    }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_the_hash_of_its_content() {
        let url = asset_url("storefront/shop.css");
        let asset = asset_by_path(url.strip_prefix("/assets/").unwrap()).unwrap();
        assert!(asset.immutable);
        assert_eq!(asset.media_type, "text/css; charset=utf-8");
        let hash = blake3::hash(&asset.bytes).to_hex();
        assert_eq!(url, format!("/assets/storefront/shop.{}.css", &hash.as_str()[..12]));
    }

    #[test]
    fn the_plain_name_is_served_but_not_for_ever() {
        assert!(!asset_by_path("storefront/shop.css").unwrap().immutable);
    }

    #[test]
    fn nothing_outside_is_served() {
        for path in ["", "..", "../Cargo.toml", "storefront/../../Cargo.toml", "/etc/passwd", "storefront"] {
            assert!(asset_by_path(path).is_none(), "{path}");
        }
    }

    #[test]
    fn every_reference_leads_to_an_asset() {
        for (name, _) in all().filter(|(name, _)| name.ends_with(".css") || name.ends_with(".js")) {
            assert!(!text(name).unwrap().contains("\"./"), "{name} refers to something that is not there");
        }
    }
}
