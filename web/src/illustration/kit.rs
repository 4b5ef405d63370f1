//! The rest of the kit: bag, stumps, grips, care, and everything together.

use std::fmt::Write as _;

use super::Palette;
use super::canvas::{Canvas, INK, STEEL, Shades, WILLOW};
use super::marks::emblem;
use super::{ball, bat, gloves, helmet, pads};

pub(super) fn bag(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let second = palette.secondary.hex();
    let cloth = canvas.across(&[&shades.plain, &shades.light, &shades.plain, &shades.dark]);
    canvas.shade(404.0, 936.0, 190.0);
    // A bat in the sleeve.
    canvas.group("translate(318 70) rotate(-4 0 300) scale(.8)", |canvas| bat::face(palette, canvas));
    // Straps behind, the wheels.
    canvas.line("M300 240C190 360 190 640 268 780", INK, 34.0, 1.0);
    canvas.line("M300 240C190 360 190 640 268 780", &shades.dark, 28.0, 1.0);
    for x in [290.0, 520.0] {
        canvas.raw(&format!(r#"<circle cx="{x}" cy="900" r="36" fill="{}" stroke="{INK}" stroke-width="3"/><circle cx="{x}" cy="900" r="14" fill="{}" stroke="{INK}" stroke-width="2.5"/>"#, STEEL[2], STEEL[0]));
    }
    let body = "M244 236C250 196 290 180 400 180C510 180 552 196 560 236L580 840C580 884 550 904 500 906L306 906C254 904 226 884 226 840Z";
    canvas.shape(body, &cloth);
    canvas.clipped(body, |canvas| {
        canvas.fill("M220 300H590V324H220Z", &second, 1.0);
        canvas.fill("M220 334H590V342H220Z", &shades.dark, 1.0);
        canvas.fill("M226 800H590V906H226Z", &shades.dark, 0.7);
        canvas.fill("M244 180H290L272 906H226Z", "#ffffff", 0.1);
    });
    canvas.line(body, INK, 3.0, 1.0);
    // The lid's zip, the pocket, the handle.
    canvas.line("M262 262C340 240 470 240 544 262", INK, 9.0, 1.0);
    canvas.line("M262 262C340 240 470 240 544 262", STEEL[0], 4.0, 1.0);
    canvas.shape("M284 470C284 452 296 444 312 444L494 444C510 444 522 452 522 470L530 742C530 762 518 772 500 772L304 772C286 772 276 762 276 742Z", &cloth);
    canvas.line("M298 486H508", INK, 8.0, 1.0);
    canvas.line("M298 486H508", STEEL[0], 3.5, 1.0);
    canvas.line("M500 486v34", &second, 9.0, 1.0);
    emblem(canvas, 402.0, 618.0, 78.0, &second);
    canvas.line("M352 392C352 366 452 366 452 392", INK, 20.0, 1.0);
    canvas.line("M352 392C352 366 452 366 452 392", &second, 14.0, 1.0);
}

pub(super) fn stumps(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let wood = canvas.across(&[WILLOW[0], WILLOW[1], WILLOW[2], "#b58b4b"]);
    let shaft = canvas.across(&[WILLOW[0], WILLOW[0], WILLOW[2]]);
    for x in [286.0, 400.0, 514.0] {
        canvas.shade(x, 930.0, 42.0);
        let path = format!(
            "M{} 186C{} 176 {} 176 {} 186L{} 906L{x} 940L{} 906Z",
            x - 22.0,
            x - 16.0,
            x + 16.0,
            x + 22.0,
            x + 22.0,
            x - 22.0
        );
        canvas.shape(&path, &shaft);
        let (one, two) = (canvas.between(-9.0, -3.0), canvas.between(4.0, 10.0));
        canvas.clipped(&path, |canvas| {
            canvas.line(&format!("M{0} 180V930M{1} 180V930", x + one, x + two), "#b3823f", 2.0, 0.45);
            canvas.fill(
                &format!("M{} 262h60v84h-60ZM{} 368h60v14h-60Z", x - 30.0, x - 30.0),
                &shades.plain,
                1.0,
            );
            canvas.fill(&format!("M{} 352h60v10h-60Z", x - 30.0), &palette.secondary.hex(), 1.0);
            canvas.fill(&format!("M{} 880h60v70h-60Z", x - 30.0), STEEL[1], 1.0);
            canvas.fill(&format!("M{} 180h14v760h-14Z", x + 8.0), "#6d4a1c", 0.14);
        });
        canvas.line(&path, INK, 3.0, 1.0);
        canvas.line(&format!("M{} 190v-12M{} 190v-12", x - 8.0, x + 8.0), INK, 3.0, 0.7);
    }
    for x in [343.0, 457.0] {
        let bail = format!(
            "M{} 172h26c4-16 22-18 32-4c10-14 28-12 32 4h26v12h-26c-4 14-22 16-32 4c-10 12-28 10-32-4h-26Z",
            x - 58.0
        );
        canvas.shape(&bail, &wood);
    }
}

pub(super) fn grips(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(400.0, 914.0, 230.0);
    let colours = [palette.primary, palette.secondary, palette.primary.mixed_with(palette.secondary, 0.5)];
    let pattern = canvas.pick(3);
    for (index, colour) in colours.into_iter().enumerate() {
        let x = 230.0 + 170.0 * index as f64;
        let shades = Shades::of(colour);
        let rubber = canvas.across(&[&shades.plain, &shades.light, &shades.plain, &shades.dark]);
        let tube = format!(
            "M{} 150L{} 896C{} 916 {} 916 {} 896L{} 150Z",
            x - 54.0,
            x - 60.0,
            x - 44.0,
            x + 44.0,
            x + 60.0,
            x + 54.0
        );
        canvas.shape(&tube, &rubber);
        let mut weave = String::new();
        let mut y = 170.0;
        while y < 920.0 {
            let _ = match (pattern + index) % 3 {
                0 => write!(weave, "M{} {y}l60 34l60-34", x - 60.0),
                1 => write!(weave, "M{} {y}l120 30", x - 60.0),
                _ => write!(weave, "M{} {y}c20-18 40 18 60 0c20-18 40 18 60 0", x - 60.0),
            };
            y += 34.0;
        }
        canvas.clipped(&tube, |canvas| {
            canvas.line(&weave, &shades.dark, 9.0, 0.8);
            canvas.group("translate(0 -5)", |canvas| canvas.line(&weave, &shades.light, 3.0, 0.7));
        });
        canvas.line(&tube, INK, 3.0, 1.0);
        canvas.raw(&format!(r##"<ellipse cx="{x}" cy="150" rx="54" ry="17" fill="#241f1a" stroke="{INK}" stroke-width="3"/><ellipse cx="{x}" cy="150" rx="44" ry="12" fill="none" stroke="{}" stroke-width="4"/>"##, shades.plain));
    }
}

pub(super) fn care(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(262.0, 912.0, 120.0);
    canvas.shade(556.0, 912.0, 130.0);
    bottle(palette, canvas);
    hammer(palette, canvas);
}

/// Linseed oil alone, nearer.
pub(super) fn oil(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(400.0, 926.0, 170.0);
    canvas.group("translate(72 -186) scale(1.25 1.215)", |canvas| bottle(palette, canvas));
}

/// The mallet alone, leaning.
pub(super) fn mallet(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(360.0, 926.0, 120.0);
    canvas.group("translate(-206 -130) scale(1.16) rotate(6 556 900)", |canvas| hammer(palette, canvas));
}

fn bottle(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let glass = canvas.across(&["#e9c56a", "#f4dc94", "#dba63e", "#a97418"]);
    let bottle = "M222 316H302V392C302 420 366 436 370 500L372 872C372 900 356 914 330 914H194C168 914 152 900 152 872L154 500C158 436 222 420 222 392Z";
    canvas.shape(bottle, &glass);
    canvas.fill(
        "M176 520C176 470 224 450 232 420L244 420C240 470 196 480 196 530L194 880C180 880 174 872 174 860Z",
        "#ffffff",
        0.4,
    );
    let cork = canvas.across(&shades.stops());
    canvas.block(212.0, 238.0, 100.0, 84.0, 8.0, &cork);
    for x in [230.0, 250.0, 270.0, 290.0] {
        canvas.line(&format!("M{x} 250V312"), "#000000", 3.0, 0.25);
    }
    canvas.shape("M153 580H371V800H153Z", "#fbf5e6");
    canvas.fill("M153 590H371V612H153ZM153 768H371V790H153Z", &shades.plain, 1.0);
    emblem(canvas, 262.0, 690.0, 50.0, &shades.plain);
}

fn hammer(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let second = palette.secondary.hex();
    let handle = canvas.across(&[WILLOW[0], WILLOW[1], WILLOW[2]]);
    canvas.group("rotate(7 556 600)", |canvas| {
        canvas.shape("M538 420H576L584 880C584 908 530 908 530 880Z", &handle);
        canvas.line("M552 440L550 880M564 440L566 870", "#b3823f", 2.0, 0.5);
        canvas.fill("M531 800H583V822H531Z", &second, 1.0);
        let head = canvas.down(&[WILLOW[0], WILLOW[1], "#b58b4b"]);
        canvas.block(430.0, 236.0, 254.0, 196.0, 40.0, &head);
        canvas.fill("M476 238H494V430H476ZM620 238H638V430H620Z", &shades.plain, 1.0);
        canvas.line("M450 290C520 276 600 300 664 284M446 346C530 336 590 352 668 340M452 396C520 388 600 400 662 392", "#a97a38", 2.5, 0.5);
    });
}

/// Pads behind, then bat, helmet, gloves and a ball in front.
pub(super) fn set(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(400.0, 944.0, 330.0);
    canvas.group("translate(196 168) scale(-.84 .84) rotate(4)", |canvas| pads::guard(palette, canvas));
    canvas.group("translate(604 168) scale(.84) rotate(4)", |canvas| pads::guard(palette, canvas));
    canvas.group("translate(404 26) scale(.94)", |canvas| bat::face(palette, canvas));
    canvas.group("translate(424 548) scale(.46) rotate(5)", |canvas| gloves::batting_glove(palette, canvas));
    canvas.group("translate(54 548) scale(.46)", |canvas| helmet::draw(palette, canvas));
    let red = Palette { primary: crate::colour::Colour::new(0xa8, 0x20, 0x1a), ..*palette };
    canvas.group("translate(612 880) scale(.22)", |canvas| ball::draw(&red, canvas));
}

/// A bat leaning, a ball at its foot: the picture of a shop front.
pub(super) fn front(palette: &Palette, canvas: &mut Canvas) {
    let red = Palette { primary: crate::colour::Colour::new(0xa8, 0x20, 0x1a), ..*palette };
    canvas.group("translate(300 26) rotate(17 0 945) scale(1.02)", |canvas| bat::face(palette, canvas));
    canvas.group("translate(520 884) scale(.37)", |canvas| ball::draw(&red, canvas));
}
