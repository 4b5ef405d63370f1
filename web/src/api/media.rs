//! Pictures by the hash of their content: what an address shows never changes.

use crate::extract::Path;
use crate::gate::Call;
use crate::problem::{Kind, Problem};
use crate::read::values::IMAGE_WIDTHS;
use crate::routes::{Route, routes};
use axum::body::Bytes;
use axum::response::Response;
use gearify_commerce::catalog;
use gearify_commerce::command::GroupKind;
use gearify_commerce::tenants::{self, BlobHash};
use http::{HeaderValue, header};
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use moka::sync::Cache;
use std::io::Cursor;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

pub fn routes() -> Vec<Route> {
    routes! { "Media", Plain, Shop;
        Get "/media/{hash}/{size}" get_media: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(), "A picture: `original`, or scaled to one of a few widths";
    }
}

/// Kinds of picture that are taken and served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    Jpeg,
    Png,
    Webp,
    /// Only what the platform itself has drawn.
    Svg,
}

impl Picture {
    /// By the first bytes, never by what somebody says it is.
    pub fn of(bytes: &[u8]) -> Option<Picture> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Picture::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Picture::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Picture::Webp),
            _ if bytes.starts_with(b"<svg ") => Some(Picture::Svg),
            _ => None,
        }
    }

    fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Picture::Jpeg => "image/jpeg",
            Picture::Png => "image/png",
            Picture::Webp => "image/webp",
            Picture::Svg => "image/svg+xml",
        })
    }

    fn format(self) -> Option<ImageFormat> {
        match self {
            Picture::Jpeg => Some(ImageFormat::Jpeg),
            Picture::Png => Some(ImageFormat::Png),
            Picture::Webp => Some(ImageFormat::WebP),
            Picture::Svg => None,
        }
    }
}

/// Scaled pictures kept in memory.
const SCALED_BYTES_MAX: u64 = 16 << 20;
/// Scaling is heavy; more at a time would starve the shop.
const SCALING_MAX: usize = 2;
/// Larger ones are refused when they come, and never scaled.
pub const SIDE_PIXELS_MAX: u32 = 12_000;
/// Decoded, a picture takes at most this much memory.
const DECODED_BYTES_MAX: u64 = 256 << 20;

type Scaled = Cache<(String, u32), (Picture, Bytes)>;
static SCALED: LazyLock<Scaled> = LazyLock::new(|| {
    let weight = |_: &(String, u32), (_, bytes): &(Picture, Bytes)| bytes.len() as u32 + 128;
    Cache::builder().max_capacity(SCALED_BYTES_MAX).weigher(weight).build()
});
static SCALING: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(SCALING_MAX)));

async fn get_media(call: Call, Path((hash, size)): Path<(String, String)>) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("picture");
    let hash = BlobHash::parse(&hash).map_err(|_| unknown())?;
    let width = match size.as_str() {
        "original" => None,
        width => Some(width.parse().ok().filter(|width| IMAGE_WIDTHS.contains(width)).ok_or_else(unknown)?),
    };
    // Before anything is answered from what is here: another shop's picture is as absent as one that never was.
    if !is_named(&call, &hash) {
        return Err(unknown());
    }
    let tag = format!("\"{hash}-{size}\"");
    if call.conditional().has(&tag) {
        let mut response = Response::new(Bytes::new().into());
        *response.status_mut() = http::StatusCode::NOT_MODIFIED;
        put_headers(&mut response, &tag);
        return Ok(response);
    }
    let (kind, bytes) = load(&call, &hash, width).await?.ok_or_else(unknown)?;
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(header::CONTENT_TYPE, kind.media_type());
    put_headers(&mut response, &tag);
    Ok(response)
}

fn put_headers(response: &mut Response, tag: &str) {
    const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
    /// Opened by itself, a picture runs nothing and loads nothing.
    const ALONE: HeaderValue =
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, FOR_EVER);
    headers.insert(header::CONTENT_SECURITY_POLICY, ALONE);
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
}

/// Whether the shop of this host has a picture with this content. Only such are shown, renamed or looked for on
/// other nodes.
pub fn is_named(call: &Call, hash: &BlobHash) -> bool {
    call.read(GroupKind::Catalogue, |view| catalog::names_blob(view, hash))
        || call.read(GroupKind::World, |view| {
            tenants::get(view).is_some_and(|tenant| tenant.branding.value.logo.as_ref() == Some(hash))
        })
}

/// Stores a picture's bytes; an entry may name them from then on.
pub async fn store(call: &Call, bytes: Bytes) -> Result<BlobHash, Problem> {
    let hash = call.state().blobs.put(bytes).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotConnected => Problem::new(Kind::Unavailable).retry_after(2).because(error),
        std::io::ErrorKind::StorageFull => Problem::no_room(),
        _ => Problem::internal(error),
    })?;
    BlobHash::parse(&hash).map_err(Problem::internal)
}

async fn load(call: &Call, hash: &BlobHash, width: Option<u32>) -> Result<Option<(Picture, Bytes)>, Problem> {
    if let Some(width) = width
        && let Some(scaled) = SCALED.get(&(hash.to_string(), width))
    {
        return Ok(Some(scaled));
    }
    let blobs = &call.state().blobs;
    let bytes = match blobs.get(hash.as_str()).await.map_err(Problem::internal)? {
        Some(bytes) => Some(bytes),
        None => blobs.fetch(hash.as_str()).await,
    };
    let Some(bytes) = bytes else { return Ok(None) };
    let Some(kind) = Picture::of(&bytes) else { return Ok(None) };
    match width {
        Some(width) if kind != Picture::Svg => {
            let scaled = scale(kind, bytes, width).await?;
            SCALED.insert((hash.to_string(), width), scaled.clone());
            Ok(Some(scaled))
        }
        _ => Ok(Some((kind, bytes))),
    }
}

async fn scale(kind: Picture, bytes: Bytes, width: u32) -> Result<(Picture, Bytes), Problem> {
    let turn = SCALING.clone().acquire_owned().await.map_err(Problem::internal)?;
    let work = move || {
        let _turn = turn;
        scale_now(kind, &bytes, width)
    };
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
}

fn scale_now(kind: Picture, bytes: &Bytes, width: u32) -> Result<(Picture, Bytes), Problem> {
    let picture = decode(kind, bytes)?;
    if picture.width() <= width {
        return Ok((kind, bytes.clone()));
    }
    let scaled = picture.resize(width, u32::MAX, image::imageops::FilterType::Triangle);
    // Lossless WebP and PNG keep transparency; photographs are far smaller as JPEG.
    let (kind, format) = if scaled.color().has_alpha() {
        (Picture::Png, ImageFormat::Png)
    } else {
        (Picture::Jpeg, ImageFormat::Jpeg)
    };
    let mut out = Cursor::new(Vec::new());
    scaled.write_to(&mut out, format).map_err(Problem::internal)?;
    Ok((kind, out.into_inner().into()))
}

/// Decodes within bounds.
///
/// # Errors
/// `validation` if the bytes are no picture, or one that is too large.
pub fn decode(kind: Picture, bytes: &[u8]) -> Result<DynamicImage, Problem> {
    let refused = |detail: &str| Problem::new(Kind::Validation).field("", detail);
    let format = kind.format().ok_or_else(|| refused("is not a picture that can be taken"))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_PIXELS_MAX);
    limits.max_image_height = Some(SIDE_PIXELS_MAX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    reader.decode().map_err(|error| refused("is damaged or too large").because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Bytes {
        let mut out = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(width, height).write_to(&mut out, ImageFormat::Png).unwrap();
        out.into_inner().into()
    }

    #[test]
    fn a_picture_is_told_by_its_bytes() {
        assert_eq!(Picture::of(&png(2, 2)), Some(Picture::Png));
        assert_eq!(Picture::of(b"<html><svg "), None);
        assert_eq!(Picture::of(b"GIF89a"), None);
        assert!(decode(Picture::Png, b"\x89PNG\r\n\x1a\nrubbish").is_err());
    }

    #[test]
    fn scaling_keeps_the_proportions_and_never_enlarges() {
        let (kind, bytes) = scale_now(Picture::Png, &png(800, 400), 160).unwrap();
        let scaled = decode(kind, &bytes).unwrap();
        assert_eq!((scaled.width(), scaled.height()), (160, 80));
        let small = png(100, 50);
        assert_eq!(scale_now(Picture::Png, &small, 160).unwrap(), (Picture::Png, small));
    }
}
