//! Writes every storefront page, in both shells, into a directory to look at in a browser:
//!
//! ```text
//! cargo run -p gearify-web --example storefront_gallery -- target/gallery
//! python3 -m http.server --bind 127.0.0.1 --directory target/gallery 8090
//! ```

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use gearify_web::assets;
use gearify_web::illustration::{self, Palette, Spec};
use gearify_web::storefront::view::ShellKind;
use gearify_web::storefront::view::branding::stylesheet;
use gearify_web::storefront::view::sample::{SHOPS, Sample};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/gallery".to_owned()));
    let mut index = String::from("<!doctype html><meta charset=utf-8><title>Storefront gallery</title><ul>");
    for (name, url) in assets::all() {
        let asset = assets::asset_by_path(name).ok_or("an asset vanished")?;
        write(&root, url, &asset.bytes)?;
    }
    for shop in SHOPS {
        write_shop(&root, &shop, &mut index)?;
    }
    write(&root, "index.html", index.as_bytes())
}

fn write_shop(root: &Path, shop: &Sample, index: &mut String) -> Result<(), Box<dyn Error>> {
    write(root, &format!("brand/{}.css", shop.slug), stylesheet(&shop.branding()).as_bytes())?;
    let initial = shop.name.chars().next().unwrap_or('G');
    write(root, &format!("brand/{}.svg", shop.slug), illustration::favicon(initial, shop.brand).as_bytes())?;
    let palette = Palette { primary: illustration::PARCHMENT, secondary: shop.brand };
    write(root, &format!("pictures/hero-{}.svg", shop.slug), illustration::front(&palette, 3).as_bytes())?;
    for kind in ShellKind::ALL {
        for page in shop.pages() {
            let file = format!("{}/{}/{}.html", shop.slug, kind.class(), page.name);
            let html = page.page.render(&shop.shell(kind, &page.path));
            write(root, &file, html.as_bytes())?;
            write_pictures(root, &html)?;
            index.push_str(&format!("<li><a href=\"{file}\">{file}</a>"));
        }
    }
    Ok(())
}

/// The drawings a page shows, by their names.
fn write_pictures(root: &Path, html: &str) -> Result<(), Box<dyn Error>> {
    for piece in html.split("/pictures/").skip(1) {
        let name = piece.split(".svg").next().unwrap_or_default();
        if let Ok(spec) = name.parse::<Spec>() {
            write(root, &format!("pictures/{spec}.svg"), spec.svg().as_bytes())?;
        }
    }
    Ok(())
}

fn write(root: &Path, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let path = root.join(name.trim_start_matches('/'));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, bytes)?)
}
