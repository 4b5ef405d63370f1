//! Colours, type and logo, with a warning where a colour is hard to see.

use crate::api::media::{Picture as Format, decode, store};
use crate::colour::Colour as Shade;
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Section, Submit};
use crate::console::view::{
    Cell, Column, Field, FieldKind, Form, Notice, Page, Panel, Part, Picture, Row, Table, Tone,
};
use crate::console::visit::{Visit, may, refused, see};
use crate::console::wrong::{Check, Wrong};
use crate::gate::Call;
use crate::problem::Problem;
use crate::read::values::media_url;
use crate::storefront::view::branding::GROUND;
use axum::response::Response;
use bytes::Bytes;
use gearify_commerce::staff::Permission::SettingsWrite;
use gearify_commerce::tenants::{Branding, Colour, Command, FontFamily};

/// Larger logos are scaled down by nobody: they stand in every page's head.
const LOGO_BYTES_MAX: usize = 512 << 10;

const COLOURS: [(&str, &str, &str); 3] = [
    ("primary", "Primary", "The one strong colour: links, headings, the band above."),
    ("secondary", "Secondary", "Quiet marks beside it."),
    ("header", "Header", "Behind the shop's name."),
];

pub async fn branding_page(visit: Visit) -> Result<Response, Problem> {
    let branding = &visit.call.shop()?.tenant.branding;
    let typed = write(&branding.value);
    let page = page(&visit.call, branding.revision, &branding.value, &typed, &Wrong::default());
    Ok(visit.show(&page))
}

fn write(branding: &Branding) -> Typed {
    let mut typed = Typed::default();
    typed.set("primary", &branding.primary_colour);
    typed.set("secondary", &branding.secondary_colour);
    typed.set("header", &branding.header_colour);
    typed.set("font", branding.font.as_str());
    typed
}

fn font_words(font: FontFamily) -> (&'static str, &'static str) {
    match font {
        FontFamily::Classic => ("Classic", "A serif for headings, a sans for text"),
        FontFamily::Modern => ("Modern", "Sans throughout"),
        FontFamily::Friendly => ("Friendly", "Rounded letters"),
        FontFamily::Bookish => ("Bookish", "Serif throughout"),
    }
}

fn page(call: &Call, revision: u64, branding: &Branding, typed: &Typed, wrong: &Wrong) -> Page {
    let colours =
        COLOURS.map(|(name, label, hint)| Field::new(FieldKind::Colour, name, label).hint(hint).short());
    let font = |font: FontFamily| Choice::new(font.as_str(), font_words(font).0).hint(font_words(font).1);
    let fonts = Field::new(FieldKind::Radio(FontFamily::ALL.map(font).to_vec()), "font", "Type");
    let accept = "image/png,image/webp,image/jpeg".to_owned();
    let mut logo = vec![Field::new(FieldKind::File { accept, many: false }, "logo", "Logo").optional().hint(
        "PNG, WebP or JPEG up to 512 KiB, at least 80 pixels high. Without one the name is set in type.",
    )];
    if branding.logo.is_some() {
        logo.push(Field::tick("remove_logo", "Take the logo away", false));
    }
    let mut form = Form::post("branding", "/console/branding")
        .upload()
        .guarded()
        .hidden("expected", wrong.stands_at.unwrap_or(revision))
        .section(Section::new("Colours", colours.to_vec()))
        .section(Section::new("Type", vec![fonts]))
        .section(Section::new("Logo", logo));
    if may(call, SettingsWrite) {
        form = form.submit(Submit::main("Save"));
    }
    let mut page = Page::new("Branding").part(Panel::new("Branding").part(form.filled(typed, wrong)));
    if let Some(hash) = &branding.logo {
        let shown = Picture {
            url: media_url(hash.as_str(), None),
            alt: "The logo".to_owned(),
            width: 40,
            height: 40,
        };
        let row = Row::new(vec![Cell::Picture(Some(shown))]);
        page = page
            .aside(Panel::new("Logo now").part(Table::new("Logo", vec![Column::new("Logo")]).rows([row])));
    }
    page.aside(contrast_panel(branding))
}

/// How well the stored colours are seen on the shop's paper.
fn contrast_panel(branding: &Branding) -> Panel {
    let colours = [("Primary", &branding.primary_colour), ("Secondary", &branding.secondary_colour)];
    let mut panel = Panel::new("Contrast now").note("On the shop's paper");
    let rows = colours.map(|(name, colour)| {
        let ratio = contrast(colour);
        Row::new(vec![
            Cell::from(name),
            Cell::Colour(colour.to_string()),
            Cell::Text(format!("{ratio:.1} : 1")),
        ])
    });
    let columns = vec![Column::new("Colour"), Column::new("Value"), Column::number("Contrast")];
    panel = panel.part(Table::new("Contrast", columns).rows(rows));
    if contrast(&branding.primary_colour) < 3.0 {
        let notice = Notice::new(Tone::Warn, "The primary colour is too pale.");
        panel = panel.part(notice.text("Where it carries text the shop shows a darker shade of it."));
    }
    panel.part(Part::Text("Text needs 4.5 : 1, edges of buttons 3 : 1.".to_owned()))
}

fn contrast(colour: &Colour) -> f64 {
    let [red, green, blue] = colour.rgb();
    Shade { red, green, blue }.contrast(GROUND)
}

pub async fn update_branding_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let before = call.shop()?.tenant.branding.clone();
    let wrong = match read(&typed, &before.value) {
        Ok((branding, logo)) => match save(&call, branding, logo, &typed).await? {
            Ok(()) => return Ok(see("/console/branding", Done::Saved)),
            Err(wrong) => wrong,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, before.revision, &before.value, &typed, &wrong)))
}

fn read(typed: &Typed, before: &Branding) -> Result<(Branding, Option<Bytes>), Wrong> {
    let mut check = Check::new(typed);
    let primary = check.value("primary", Colour::parse);
    let secondary = check.value("secondary", Colour::parse);
    let header = check.value("header", Colour::parse);
    let font = check.choice("font", FontFamily::parse);
    let logo = typed.files("logo").next().map(|file| file.bytes.clone());
    if let Some(bytes) = &logo {
        let good = Format::of(bytes).filter(|format| *format != Format::Svg);
        if bytes.len() > LOGO_BYTES_MAX {
            check.fault("logo", "The file is larger than 512 KiB");
        } else if good.is_none_or(|format| decode(format, bytes).is_err()) {
            check.fault("logo", "The file is not a PNG, WebP or JPEG picture, or it is damaged");
        }
    }
    let kept = before.logo.clone().filter(|_| !typed.is_ticked("remove_logo"));
    let branding = (|| {
        Some(Branding {
            logo: kept,
            header_colour: header?,
            primary_colour: primary?,
            secondary_colour: secondary?,
            font: font?,
        })
    })();
    Ok((check.done(branding)?, logo))
}

async fn save(
    call: &Call,
    mut branding: Branding,
    logo: Option<Bytes>,
    typed: &Typed,
) -> Result<Result<(), Wrong>, Problem> {
    let Ok(expected) = typed.get("expected").parse() else {
        return Ok(Err(Wrong::saying("Open the page again: it does not say which version it is of.")));
    };
    if let Some(bytes) = logo {
        branding.logo = Some(store(call, bytes).await?);
    }
    match call.submit(Command::UpdateBranding { expected: Some(expected), branding }).await {
        Ok(_) => Ok(Ok(())),
        Err(problem) => Wrong::of(problem, |_| None).map(Err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gearify_commerce::tenants::BlobHash;

    #[test]
    fn branding_survives_its_form_and_a_broken_logo_is_refused() {
        let colour = |text| Colour::parse(text).unwrap();
        let branding = Branding {
            logo: Some(BlobHash::parse(&"ab".repeat(32)).unwrap()),
            header_colour: colour("#ffffff"),
            primary_colour: colour("#1f4d3a"),
            secondary_colour: colour("#c8a45c"),
            font: FontFamily::Bookish,
        };
        let mut typed = write(&branding);
        assert_eq!(read(&typed, &branding).map(|(read, _)| read), Ok(branding.clone()));
        typed.set("remove_logo", "yes");
        assert_eq!(read(&typed, &branding).unwrap().0.logo, None);
        typed.set("primary", "green");
        assert!(read(&typed, &branding).unwrap_err().fields.contains_key("primary"));
    }
}
