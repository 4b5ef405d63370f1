//! Leg guards and the thigh guard.

use super::Palette;
use super::canvas::{CLOTH, Canvas, INK, Shades};
use super::marks::emblem;

const BODY: &str = "M-104 214C-108 130-84 96-62 92C-40 88 44 86 66 92C92 98 108 136 104 214L108 640C112 730 122 790 136 846C142 872 130 884 108 886L-84 886C-112 886-128 874-124 850C-112 790-106 730-106 640Z";

pub(super) fn pair(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(268.0, 930.0, 150.0);
    canvas.shade(540.0, 930.0, 150.0);
    canvas.group("translate(262 44) rotate(-3 0 500) scale(-1 1)", |canvas| guard(palette, canvas));
    canvas.group("translate(540 44) rotate(3 0 500)", |canvas| guard(palette, canvas));
}

pub(super) fn guard(palette: &Palette, canvas: &mut Canvas) {
    let cloth = canvas.across(&[CLOTH[0], CLOTH[1], CLOTH[2]]);
    let shades = Shades::of(palette.primary);
    let trim = canvas.across(&shades.stops());
    // Wing and straps go behind.
    canvas.shape("M96 250C140 262 158 300 158 380L152 640C150 690 138 716 104 724Z", &cloth);
    for y in [300.0, 560.0, 700.0] {
        let strap = format!("M-118 {y}h-26v34h26ZM118 {y}h34v34h-34Z");
        canvas.outlined(&strap, &shades.plain, 2.5);
    }
    canvas.shape(BODY, &cloth);
    canvas.clipped(BODY, |canvas| {
        // The canes above and below the knee.
        for x in [-64.0, -22.0, 22.0, 64.0] {
            canvas.line(&format!("M{x} 84V372"), "#b8ae98", 3.0, 0.9);
            canvas.line(&format!("M{} 84V372", x + 4.0), "#ffffff", 3.0, 0.9);
            canvas.line(
                &format!("M{x} 560C{x} 700 {:.0} 800 {:.0} 890", x * 1.1, x * 1.25),
                "#b8ae98",
                3.0,
                0.9,
            );
            canvas.line(
                &format!("M{0} 560C{0} 700 {1:.0} 800 {2:.0} 890", x + 4.0, x * 1.1 + 4.0, x * 1.25 + 4.0),
                "#ffffff",
                3.0,
                0.9,
            );
        }
        canvas.fill("M-140 80H140V126H-140Z", &trim, 1.0);
        canvas.fill("M-140 130H140V138H-140Z", &palette.secondary.hex(), 1.0);
        canvas.fill("M-150 846H150V900H-150Z", &trim, 1.0);
        canvas.fill("M-150 832H150V840H-150Z", &palette.secondary.hex(), 1.0);
    });
    canvas.line(BODY, INK, 3.0, 1.0);
    knee(palette, canvas);
    canvas.group("translate(0 250)", |canvas| {
        canvas.block(-40.0, -56.0, 80.0, 112.0, 8.0, &shades.plain);
        emblem(canvas, 0.0, 0.0, 28.0, &palette.secondary.hex());
    });
}

/// The three rolls a knee bends behind.
fn knee(palette: &Palette, canvas: &mut Canvas) {
    let roll = canvas.down(&[CLOTH[0], CLOTH[1], CLOTH[2]]);
    let middle = canvas.down(&Shades::of(palette.primary).stops());
    for (y, fill) in [(372.0, &roll), (434.0, &middle), (496.0, &roll)] {
        canvas.block(-114.0, y, 228.0, 66.0, 30.0, fill);
    }
    for y in [388.0, 512.0] {
        canvas.line(&format!("M-92 {y}H92"), "#ffffff", 5.0, 0.8);
    }
    canvas.line("M-92 448H92", "#ffffff", 5.0, 0.25);
    canvas.line("M-80 467H80", &palette.secondary.hex(), 3.0, 0.9);
}

pub(super) fn thigh_guard(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(400.0, 906.0, 190.0);
    let shades = Shades::of(palette.primary);
    let cloth = canvas.across(&[CLOTH[0], CLOTH[1], CLOTH[2]]);
    let strap = canvas.down(&shades.stops());
    let body = "M236 236C300 190 500 190 564 236C590 400 590 700 552 850C500 898 300 898 248 850C210 700 210 400 236 236Z";
    canvas.shape("M120 330C190 300 610 300 680 330L680 396C610 372 190 372 120 396Z", &strap);
    canvas.shape("M130 690C200 720 600 720 670 690L670 752C600 782 200 782 130 752Z", &strap);
    canvas.shape(body, &cloth);
    canvas.clipped(body, |canvas| {
        for x in [296.0, 366.0, 434.0, 504.0] {
            canvas.line(
                &format!("M{x} 190C{:.0} 420 {:.0} 680 {x} 900", x - 6.0, x + 6.0),
                "#b8ae98",
                3.5,
                0.9,
            );
            canvas.line(
                &format!("M{} 190C{:.0} 420 {:.0} 680 {} 900", x + 5.0, x - 1.0, x + 11.0, x + 5.0),
                "#ffffff",
                4.0,
                0.9,
            );
        }
        canvas.fill("M200 180H600V262C500 232 300 232 200 262Z", &shades.plain, 1.0);
    });
    canvas.line(body, INK, 3.0, 1.0);
    canvas.block(330.0, 500.0, 140.0, 140.0, 14.0, &shades.plain);
    emblem(canvas, 400.0, 570.0, 44.0, &palette.secondary.hex());
}
