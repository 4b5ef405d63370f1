//! Pictures of a product: taken in, put in order, described.

use super::details::Offer;
use super::edit::refused_state;
use super::{path_of, product};
use crate::api::media::{Picture as Format, decode, store};
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::{Section, Submit};
use crate::console::view::{Cell, Column, Field, FieldKind, Form, Panel, Picture};
use crate::console::visit::{see, see_many, settings};
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use crate::read::values::media_url;
use axum::response::Response;
use bytes::Bytes;
use gearify_commerce::catalog::{
    self, Command, Media, MediaDetails, MediaKind, PRODUCT_MEDIA_MAX, Product, ProductDetails,
};
use gearify_commerce::command::GroupKind;
use gearify_commerce::tenants::Colour;
use gearify_commerce::{Locale, MediaId, ProductId, Text};

/// Width that lists show, of those that pictures are scaled to.
const THUMB_WIDTH: u32 = 160;

/// A small rendition, described by what it shows.
pub fn thumb(media: &Media, locale: &Locale) -> Picture {
    let details = &media.details;
    Picture {
        url: media_url(details.hash.as_str(), Some(THUMB_WIDTH)),
        alt: details.alt.words(locale, locale).to_owned(),
        width: details.width,
        height: details.height,
    }
}

pub fn panel(call: &Call, product: &Product, offer: &Offer, may_write: bool) -> Panel {
    let locale = &offer.settings.locale;
    let path = path_of(product.id);
    let media: Vec<Media> = call.read(GroupKind::Catalogue, |view| {
        product.details.media.iter().filter_map(|id| catalog::media(view, *id)).collect()
    });
    let panel = Panel::new("Pictures").note("The first is shown in lists");
    if !may_write {
        let rows = media
            .iter()
            .map(|media| super::super::view::Row::new(vec![Cell::Picture(Some(thumb(media, locale)))]));
        let table = super::super::view::Table::new("Pictures", vec![Column::new("Picture")]).rows(rows);
        return panel.part(table.empty("No picture yet."));
    }
    let upload = Form::post("upload", format!("{path}/pictures"))
        .upload()
        .fields(vec![
            Field::new(
                FieldKind::File { accept: "image/jpeg,image/png,image/webp".to_owned(), many: true },
                "pictures",
                "Add pictures",
            )
            .hint("JPEG, PNG or WebP, at least 1,000 pixels wide looks best."),
        ])
        .submit(Submit::plain("Upload"));
    if media.is_empty() {
        return panel.part(upload);
    }
    panel.part(arrange(&media, product, offer, &path)).part(upload)
}

fn arrange(media: &[Media], product: &Product, offer: &Offer, path: &str) -> Form {
    let locale = &offer.settings.locale;
    let columns = vec![Column::new("Picture"), Column::new("Place and words")];
    let mut typed = Typed::default();
    let mut form =
        Form::post("pictures", format!("{path}/pictures/order")).hidden("expected", product.revision);
    let mut grid = Vec::new();
    for (place, one) in media.iter().enumerate() {
        let id = one.id;
        let number = place + 1;
        typed.set(format!("place.{id}"), number);
        let mut fields = vec![Field::number(format!("place.{id}"), format!("Place of picture {number}"))];
        for language in offer.settings.locales() {
            let words =
                one.details.alt.iter().find(|(known, _)| *known == language).map_or("", |(_, words)| words);
            typed.set(format!("alt.{id}.{language}"), words);
            fields.push(
                Field::text(
                    format!("alt.{id}.{language}"),
                    format!("What picture {number} shows ({language})"),
                )
                .optional(),
            );
        }
        fields.push(Field::tick(format!("remove.{id}"), "Take away", false));
        for (row, field) in fields.into_iter().enumerate() {
            let shown =
                if row == 0 { Cell::Picture(Some(thumb(one, locale))) } else { Cell::Text(String::new()) };
            grid.push(vec![shown, Cell::Input(Box::new(field))]);
        }
    }
    form = form.section(Section::default().grid(columns, grid)).submit(Submit::plain("Save pictures"));
    form.filled(&typed, &Wrong::default())
}

pub async fn upload_pictures_form(
    call: Call,
    Path(id): Path<ProductId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let product = product(&call, id)?;
    let room = PRODUCT_MEDIA_MAX.saturating_sub(product.details.media.len());
    let files: Vec<_> = typed.files("pictures").collect();
    let wrong = match files.len() {
        0 => Some(Wrong::saying("Choose a picture first.")),
        many if many > room => {
            Some(Wrong::saying(format!("A product has at most {PRODUCT_MEDIA_MAX} pictures.")))
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        return refused_state(&call, &product, &wrong);
    }
    // All are looked at before any is kept.
    let mut taken = Vec::new();
    for file in &files {
        match measure(file.bytes.clone()).await {
            Ok(measured) => taken.push((file.bytes.clone(), measured)),
            Err(problem) => return refused_state(&call, &product, &Wrong::saying(picture_words(problem)?)),
        }
    }
    let mut media = product.details.media.clone();
    for (bytes, measured) in taken {
        let made = add(&call, bytes, measured).await?;
        if !media.contains(&made) {
            media.push(made);
        }
    }
    let count = files.len() as u64;
    let details = ProductDetails { media, ..product.details.clone() };
    let command = Command::UpdateProduct { product: id, expected: Some(product.revision), details };
    match call.submit(command).await {
        Ok(_) => Ok(see_many(&path_of(id), Done::Uploaded, count)),
        Err(problem) => refused_state(&call, &product, &Wrong::of(problem, |_| None)?),
    }
}

fn picture_words(problem: Problem) -> Result<String, Problem> {
    if problem.status().is_server_error() {
        return Err(problem);
    }
    Ok("A file is not a JPEG, PNG or WebP picture, is damaged, or is larger than 12,000 pixels.".to_owned())
}

/// What was found out about a picture.
#[derive(Clone, Copy)]
pub struct Measured {
    width: u32,
    height: u32,
    mean: [u8; 3],
}

/// Decodes a picture away from the threads that answer requests.
///
/// # Errors
/// `validation` if the bytes are no picture that can be taken.
pub async fn measure(bytes: Bytes) -> Result<Measured, Problem> {
    let work = move || {
        let refused = || Problem::invalid("", "is not a picture that can be taken");
        let format = Format::of(&bytes).filter(|format| *format != Format::Svg).ok_or_else(refused)?;
        let picture = decode(format, &bytes)?;
        let small = picture.thumbnail_exact(1, 1).to_rgb8();
        Ok(Measured { width: picture.width(), height: picture.height(), mean: small.get_pixel(0, 0).0 })
    };
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
}

/// Keeps the bytes, then names them: an entry never names bytes that are not there.
async fn add(call: &Call, bytes: Bytes, measured: Measured) -> Result<MediaId, Problem> {
    let hash = store(call, bytes).await?;
    let [red, green, blue] = measured.mean;
    let details = MediaDetails {
        hash,
        kind: MediaKind::Image,
        width: measured.width,
        height: measured.height,
        alt: Text::default(),
        focal: None,
        placeholder: Colour::parse(&format!("#{red:02x}{green:02x}{blue:02x}")).ok(),
    };
    let reply = call.submit(Command::AddMedia { details }).await?;
    Ok(MediaId::from_bits(reply.id.ok_or_else(|| Problem::internal("a picture was made without an id"))?))
}

pub async fn arrange_pictures_form(
    call: Call,
    Path(id): Path<ProductId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let product = product(&call, id)?;
    let settings = settings(&call)?.clone();
    let mut check = Check::new(&typed);
    let mut placed: Vec<(u32, MediaId)> = Vec::new();
    for (number, media) in product.details.media.iter().enumerate() {
        if typed.is_ticked(&format!("remove.{media}")) {
            continue;
        }
        // A picture added meanwhile has no field: it keeps its place.
        let place = check.optional_integer(&format!("place.{media}"), 1, 1_000).flatten();
        placed.push((place.unwrap_or(number as u32 + 1), *media));
    }
    if let Err(wrong) = check.done(Some(())) {
        return refused_state(&call, &product, &wrong);
    }
    placed.sort_by_key(|(place, _)| *place);
    let media: Vec<MediaId> = placed.into_iter().map(|(_, media)| media).collect();
    for id in &media {
        describe(&call, *id, &typed, &settings).await?;
    }
    if media == product.details.media {
        return Ok(see(&path_of(id), Done::Saved));
    }
    let expected = typed.get("expected").parse().ok();
    let details = ProductDetails { media, ..product.details.clone() };
    match call.submit(Command::UpdateProduct { product: id, expected, details }).await {
        Ok(_) => Ok(see(&path_of(id), Done::Saved)),
        Err(problem) => refused_state(&call, &product, &Wrong::of(problem, |_| None)?),
    }
}

/// Writes what a picture shows, where it was changed.
async fn describe(
    call: &Call,
    id: MediaId,
    typed: &Typed,
    settings: &gearify_commerce::tenants::Settings,
) -> Result<(), Problem> {
    let Some(known) = call.read(GroupKind::Catalogue, |view| catalog::media(view, id)) else { return Ok(()) };
    let name = format!("alt.{id}");
    if settings.locales().all(|locale| !typed.has(&format!("{name}.{locale}"))) {
        return Ok(());
    }
    let alt = Check::new(typed).words(&name, settings.locales(), Some(&known.details.alt));
    if alt == known.details.alt {
        return Ok(());
    }
    let focal = known.details.focal;
    call.submit(Command::UpdateMedia { media: id, expected: Some(known.revision), alt, focal }).await?;
    Ok(())
}
