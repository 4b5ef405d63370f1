//! The bat, as a plate in a catalogue: face or back, and the profile beside it.
//!
//! Local coordinates: the middle of the blade is x = 0, the top of the handle y = 40, the toe y = 945.

use std::fmt::Write as _;

use super::Palette;
use super::canvas::{Canvas, Shades, WILLOW};
use super::marks::emblem;

const BLADE: &str = "M-22 292C-30 322-74 326-76 372L-79 872C-79 918-50 944-4 945L4 945C50 944 79 918 79 872L76 372C74 326 30 322 22 292Z";
const BACK: &str = BLADE;
/// Straight on the side of the face, swelling towards the toe on the other.
const PROFILE: &str = "M-14 292C-24 330-30 352-30 380L-30 905C-30 930-22 944-6 944C10 944 22 936 28 915C46 856 56 800 54 742C51 640 22 500 14 380C12 340 16 320 14 292Z";

pub(super) fn face_and_profile(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(330.0, 944.0, 118.0);
    canvas.shade(566.0, 944.0, 62.0);
    canvas.group("translate(320 0)", |canvas| face(palette, canvas));
    canvas.group("translate(560 0)", |canvas| profile(palette, canvas));
}

pub(super) fn back_and_profile(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(330.0, 944.0, 118.0);
    canvas.shade(566.0, 944.0, 62.0);
    canvas.group("translate(320 0)", |canvas| back(palette, canvas));
    canvas.group("translate(560 0)", |canvas| profile(palette, canvas));
}

/// The side that meets the ball.
pub(super) fn face(palette: &Palette, canvas: &mut Canvas) {
    let wood = canvas.across(&[WILLOW[0], WILLOW[0], WILLOW[1], WILLOW[2]]);
    canvas.shape(BLADE, &wood);
    canvas.clipped(BLADE, |canvas| {
        grain(canvas);
        // The edge that is turned away.
        canvas.fill("M62 340L79 372L79 945L58 945Z", "#b98f52", 0.35);
        label(palette, canvas);
        canvas.fill("M-90 560L-20 300L14 300L-70 700Z", "#ffffff", 0.16);
    });
    canvas.line("M-20 300L0 392L20 300", "#8a6636", 2.5, 0.8);
    canvas.line(BLADE, super::canvas::INK, 3.0, 1.0);
    handle(palette, canvas, 21.0);
}

fn back(palette: &Palette, canvas: &mut Canvas) {
    let wood = canvas.across(&[WILLOW[1], WILLOW[0], WILLOW[0], WILLOW[2]]);
    canvas.shape(BACK, &wood);
    let shades = Shades::of(palette.primary);
    canvas.clipped(BACK, |canvas| {
        grain(canvas);
        canvas.fill("M0 330L70 900L79 945L79 360Z", "#a97f45", 0.28);
        canvas.fill("M-6 320L6 320L16 945L-16 945Z", "#fff4d8", 0.6);
        canvas.fill("M-90 430H90V500H-90Z", &shades.plain, 1.0);
        canvas.fill("M-90 508H90V520H-90Z", &palette.secondary.hex(), 1.0);
        canvas.fill("M-90 812H90V830H-90Z", &shades.plain, 1.0);
        emblem(canvas, 0.0, 465.0, 26.0, &palette.secondary.hex());
    });
    canvas.line("M0 330L0 930", "#8a6636", 2.0, 0.55);
    canvas.line(BACK, super::canvas::INK, 3.0, 1.0);
    handle(palette, canvas, 21.0);
}

fn profile(palette: &Palette, canvas: &mut Canvas) {
    let wood = canvas.across(&[WILLOW[1], WILLOW[0], WILLOW[2]]);
    canvas.shape(PROFILE, &wood);
    let shades = Shades::of(palette.primary);
    canvas.clipped(PROFILE, |canvas| {
        for (index, x) in [-16.0, -2.0, 14.0, 30.0].into_iter().enumerate() {
            let sway = canvas.between(-4.0, 4.0);
            let path = format!(
                "M{:.0} 300C{:.1} 480 {:.1} 700 {:.1} 945",
                x * 0.4,
                x + sway,
                x * 1.25 - sway,
                x * (0.7 + 0.1 * index as f64)
            );
            canvas.line(&path, "#b98a4a", 2.0, 0.5);
        }
        canvas.fill("M-40 402H60V556H-40Z", &shades.plain, 1.0);
        canvas.fill("M-40 566H60V578H-40Z", &palette.secondary.hex(), 1.0);
        canvas.fill("M-40 806H80V834H-40Z", &shades.plain, 1.0);
        canvas.fill("M-40 300H-20V945H-40Z", "#ffffff", 0.3);
    });
    canvas.line(PROFILE, super::canvas::INK, 3.0, 1.0);
    handle(palette, canvas, 15.0);
}

/// Six to twelve grains, as the maker's grades have them.
fn grain(canvas: &mut Canvas) {
    let grains = 6 + canvas.pick(7);
    let spacing = 160.0 / grains as f64;
    for index in 0..grains {
        let x = -80.0 + spacing * (index as f64 + 0.5) + canvas.between(-3.5, 3.5);
        let (one, two) = (canvas.between(-5.0, 5.0), canvas.between(-5.0, 5.0));
        let path = format!("M{:.1} 296C{:.1} 500 {:.1} 720 {:.1} 948", x * 0.94, x + one, x + two, x);
        let width = canvas.between(1.4, 2.8);
        canvas.line(&path, "#b3823f", width, 0.5);
    }
    if canvas.chance() < 0.4 {
        let (x, y) = (canvas.between(-50.0, 50.0), canvas.between(640.0, 880.0));
        let knot = format!("M{x:.0} {y:.0}c5-7 11-7 15 0c-4 8-11 8-15 0");
        canvas.line(&knot, "#8f6328", 2.0, 0.6);
    }
}

/// The maker's label: four designs, by the seed.
fn label(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let second = palette.secondary.hex();
    match canvas.pick(4) {
        0 => {
            canvas.fill("M-90 404L90 404L90 560L0 610L-90 560Z", &shades.plain, 1.0);
            canvas.line("M-90 576L0 628L90 576", &second, 9.0, 1.0);
            emblem(canvas, 0.0, 492.0, 46.0, &second);
        }
        1 => {
            canvas.fill("M-90 470L90 392L90 560L-90 638Z", &shades.plain, 1.0);
            canvas.fill("M-90 650L90 572L90 588L-90 666Z", &second, 1.0);
            canvas.fill("M-90 682L90 604L90 612L-90 690Z", &shades.plain, 1.0);
            emblem(canvas, 0.0, 514.0, 44.0, &second);
        }
        2 => {
            canvas.fill("M-90 396H90V640H-90Z", &shades.plain, 1.0);
            canvas.fill("M-90 408H90V418H-90ZM-90 618H90V628H-90Z", &second, 1.0);
            emblem(canvas, 0.0, 518.0, 56.0, &second);
        }
        _ => {
            canvas.fill("M-90 396L90 396L-90 664Z", &shades.plain, 1.0);
            canvas.fill("M90 430L90 452L-68 688L-86 688L-90 684L-90 698L-62 698L90 470Z", &second, 1.0);
            emblem(canvas, -28.0, 462.0, 38.0, &second);
        }
    }
    canvas.fill("M-90 806H90V834H-90Z", &shades.plain, 1.0);
    canvas.fill("M-40 817H40V823H-40Z", &second, 1.0);
}

/// The handle in its grip; `half` is half its width.
fn handle(palette: &Palette, canvas: &mut Canvas, half: f64) {
    let shades = Shades::of(palette.primary);
    let rubber = canvas.across(&shades.stops());
    let body = format!(
        "M-{half:.0} 300L-{half:.0} 62C-{half:.0} 46-{top:.0} 38 0 38C{top:.0} 38 {half:.0} 46 {half:.0} 62L{half:.0} 300Z",
        top = half * 0.7
    );
    canvas.shape(&body, &rubber);
    let mut weave = String::new();
    let mut y = 70.0;
    while y < 290.0 {
        let _ = write!(weave, "M-{half:.0} {y:.0}L0 {:.0}L{half:.0} {y:.0}", y + half * 0.7);
        y += 15.0;
    }
    canvas.clipped(&body, |canvas| canvas.line(&weave, "#ffffff", 2.5, 0.28));
    canvas.line(&body, super::canvas::INK, 3.0, 1.0);
    let string = format!("M-{half:.0} 296H{half:.0}M-{half:.0} 302H{half:.0}");
    canvas.line(&string, &palette.secondary.hex(), 4.0, 1.0);
}
