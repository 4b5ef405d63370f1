//! Pictures: uploaded as they are, told by their bytes, named by their content.

use super::merge::{base, patched};
use super::products::{made, own_locale};
use super::texts::Words;
use crate::api::me::tagged;
use crate::api::media::{Picture, decode, store};
use crate::extract::{Json, Path, read_body};
use crate::gate::Call;
use crate::problem::{Faults, Kind, Problem};
use crate::read::values::{IMAGE_WIDTHS, media_url};
use crate::routes::{Route, routes};
use axum::body::Bytes;
use axum::extract::Request;
use axum::response::Response;
use gearify_commerce::catalog::{self, Command, Media, MediaDetails, MediaKind};
use gearify_commerce::command::GroupKind;
use gearify_commerce::tenants::Colour;
use gearify_commerce::{MediaId, Text};
use http::StatusCode;
use image::DynamicImage;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: media", Api, Shop;
        Post "/api/v1/admin/media" upload_media: Staff(ProductsWrite), MERCHANT, Write, Upload, Accepted, Origin,
            query(), request(), 201(MediaView), "Takes a picture (JPEG, PNG or WebP) as the body";
        Get "/api/v1/admin/media/{id}" get_media_record: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(MediaView), "One picture";
        Patch "/api/v1/admin/media/{id}" change_media: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(MediaBody), 200(MediaView), "Changes the alternative text or the focal point";
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MediaBody {
    /// What it shows, for those who do not see it.
    #[serde(default)]
    pub alt: Words,
    /// What must stay in sight: thousandths from the left and from the top.
    pub focal: Option<[u16; 2]>,
}

#[derive(Serialize, ToSchema)]
pub struct MediaView {
    pub id: String,
    pub revision: u64,
    pub hash: String,
    /// `image`, `drawing` or `video`.
    pub kind: &'static str,
    pub url: String,
    /// Widths it is served in, under `/media/{hash}/{width}`.
    pub widths: Vec<u32>,
    pub width: u32,
    pub height: u32,
    pub placeholder: Option<String>,
    pub media: MediaBody,
}

fn view(media: &Media) -> MediaView {
    let details = &media.details;
    MediaView {
        id: media.id.to_string(),
        revision: media.revision,
        hash: details.hash.to_string(),
        kind: details.kind.as_str(),
        url: media_url(details.hash.as_str(), None),
        widths: IMAGE_WIDTHS.to_vec(),
        width: details.width,
        height: details.height,
        placeholder: details.placeholder.as_ref().map(|colour| colour.to_string()),
        media: MediaBody {
            alt: Words::of(&details.alt),
            focal: details.focal.map(|(left, top)| [left, top]),
        },
    }
}

fn record(call: &Call, id: MediaId) -> Result<Media, Problem> {
    call.read(GroupKind::Catalogue, |view| catalog::media(view, id))
        .ok_or_else(|| Problem::not_found("picture"))
}

fn show(call: &Call, id: MediaId, status: StatusCode) -> Result<Response, Problem> {
    let media = record(call, id)?;
    Ok(tagged(media.revision, (status, Json(view(&media)))))
}

async fn upload_media(call: Call, request: Request) -> Result<Response, Problem> {
    let bytes = read_body(request.into_body(), call.state().settings.upload_bytes_max).await?;
    let id = take_picture(&call, bytes, Text::default()).await?;
    show(&call, id, StatusCode::CREATED)
}

/// Checks a picture, stores it, and makes its record.
///
/// # Errors
/// `unsupported-media-type` for anything but a JPEG, PNG or WebP; `validation` for a damaged one.
pub async fn take_picture(call: &Call, bytes: Bytes, alt: Text) -> Result<MediaId, Problem> {
    let kind = Picture::of(&bytes).filter(|kind| *kind != Picture::Svg).ok_or_else(|| {
        Problem::new(Kind::UnsupportedMediaType).detail("Send a JPEG, PNG or WebP picture.")
    })?;
    let looked_at = bytes.clone();
    let work = move || {
        decode(kind, &looked_at).map(|picture| (picture.width(), picture.height(), average(&picture)))
    };
    let (width, height, placeholder) =
        tokio::task::spawn_blocking(work).await.map_err(Problem::internal)??;
    // Fsynced before an entry names it.
    let hash = store(call, bytes).await?;
    let details = MediaDetails { hash, kind: MediaKind::Image, width, height, alt, focal: None, placeholder };
    let reply = call.submit(Command::AddMedia { details }).await?;
    made(&reply, MediaId::from_bits)
}

/// The colour of the whole, shown until the picture is there.
fn average(picture: &DynamicImage) -> Option<Colour> {
    let one = picture.resize_exact(1, 1, image::imageops::FilterType::Triangle).to_rgb8();
    let [red, green, blue] = one.get_pixel(0, 0).0;
    Colour::parse(&format!("#{red:02x}{green:02x}{blue:02x}")).ok()
}

async fn get_media_record(call: Call, Path(id): Path<MediaId>) -> Result<Response, Problem> {
    show(&call, id, StatusCode::OK)
}

async fn change_media(
    call: Call,
    Path(id): Path<MediaId>,
    Json(patch): Json<Value>,
) -> Result<Response, Problem> {
    let before = record(&call, id)?;
    let body = patched(&view(&before).media, patch)?;
    let expected = base(&call, before.revision)?;
    let mut faults = Faults::new();
    let alt = body.alt.parse("/alt", &own_locale(&call)?, &mut faults);
    faults.check()?;
    let focal = body.focal.map(|[left, top]| (left, top));
    call.submit(Command::UpdateMedia { media: id, expected, alt, focal }).await?;
    show(&call, id, StatusCode::OK)
}
