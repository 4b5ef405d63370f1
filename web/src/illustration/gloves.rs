//! Gloves: sausage fingers for batters, rubber faces for keepers.

use std::fmt::Write as _;

use super::Palette;
use super::canvas::{CLOTH, Canvas, INK, Shades};
use super::marks::emblem;

pub(super) fn batting(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(270.0, 912.0, 140.0);
    canvas.shade(556.0, 912.0, 140.0);
    canvas.group("translate(258 70) rotate(-5 0 840)", |canvas| batting_glove(palette, canvas));
    canvas.group("translate(546 70) rotate(5 0 840) scale(-1 1)", |canvas| batting_glove(palette, canvas));
}

/// The back of a left hand, fingers up, the cuff at y = 840.
pub(super) fn batting_glove(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let cloth = canvas.across(&[CLOTH[0], CLOTH[1], CLOTH[2]]);
    let coloured = canvas.across(&shades.stops());
    // The thumb, behind the hand.
    canvas.group("translate(118 520) rotate(34)", |canvas| {
        canvas.block(-34.0, -150.0, 68.0, 120.0, 33.0, &cloth);
        canvas.block(-36.0, -44.0, 72.0, 96.0, 30.0, &coloured);
        canvas.line("M-20-90H20", "#b8ae98", 3.0, 0.9);
    });
    let palm = "M-122 420C-128 520-120 620-96 690L96 690C124 620 132 520 122 420Z";
    canvas.shape(palm, &cloth);
    // Little finger to forefinger: tops differ as they do on a hand.
    for (x, top, lean) in [(-93.0, 232.0, -6.0), (-31.0, 150.0, -2.0), (31.0, 132.0, 2.0), (93.0, 184.0, 6.0)]
    {
        canvas.group(&format!("translate({x} 440) rotate({lean})"), |canvas| {
            let height: f64 = 440.0 - top;
            let part = height / 3.0;
            for piece in 0..3 {
                let y = -height + part * f64::from(piece);
                let fill = if piece == 1 { &coloured } else { &cloth };
                canvas.block(-30.0, y, 60.0, part + 6.0, 27.0, fill);
                canvas.line(
                    &format!("M-12 {:.0}v{:.0}", y + 22.0, part - 40.0),
                    "#ffffff",
                    6.0,
                    if piece == 1 { 0.25 } else { 0.9 },
                );
            }
        });
    }
    // Rolls over the knuckles and the back of the hand.
    for (y, fill, half) in [(432.0, &coloured, 124.0), (494.0, &cloth, 122.0), (556.0, &cloth, 116.0)] {
        canvas.block(-half, y, half * 2.0, 58.0, 27.0, fill);
        canvas.line(&format!("M{:.0} {:.0}H{:.0}", -half + 26.0, y + 15.0, half - 26.0), "#ffffff", 4.0, 0.5);
    }
    for x in [-62.0, 0.0, 62.0] {
        canvas.line(&format!("M{x} 436V610"), INK, 2.0, 0.35);
    }
    // The cuff with its fastening.
    let cuff =
        "M-98 668C-60 654 60 654 98 668L112 800C114 826 100 840 76 842L-76 842C-100 840-114 826-112 800Z";
    canvas.shape(cuff, &cloth);
    canvas.clipped(cuff, |canvas| {
        for y in [700.0, 708.0] {
            canvas.line(&format!("M-120 {y}C-60 {0} 60 {0} 120 {y}", y - 12.0), "#b8ae98", 2.0, 0.9);
        }
    });
    canvas.shape("M-118 716H118V806H-118Z", &coloured);
    canvas.line("M-104 730H104M-104 792H104", &palette.secondary.hex(), 4.0, 1.0);
    emblem(canvas, 0.0, 761.0, 22.0, &palette.secondary.hex());
}

pub(super) fn keeping(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(206.0, 918.0, 150.0);
    canvas.shade(596.0, 918.0, 150.0);
    canvas.group("translate(206 70) rotate(-4 0 840)", |canvas| keeping_glove(palette, canvas));
    canvas.group("translate(598 70) rotate(4 0 840) scale(-1 1)", |canvas| keeping_glove(palette, canvas));
}

/// The face of a right hand; thumb and web towards the middle.
fn keeping_glove(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let leather = canvas.across(&shades.stops());
    let second = palette.secondary.hex();
    let hand = "M-126 452C-134 360-140 300-138 250C-137 214-92 210-86 248L-80 330L-74 190C-72 146-20 144-18 190L-12 320L-4 168C-2 126 50 126 50 170L50 326L64 214C70 176 116 182 112 224L108 420C140 372 168 340 196 318C224 300 252 330 232 360C196 420 168 500 150 580C140 640 132 670 118 700L-98 700C-120 620-124 540-126 452Z";
    canvas.shape("M100 250C150 262 190 288 206 330L118 470Z", &second);
    canvas.line("M112 300L176 372M106 340L156 404M120 262L196 346", INK, 2.0, 0.5);
    canvas.shape(hand, &leather);
    canvas.clipped(hand, |canvas| {
        // The rubber face with its pimples.
        let face = "M-112 470C-118 380-122 300-120 258C-120 236-102 236-100 258L-92 372L-66 372L-58 200C-56 172-36 172-34 200L-30 366L4 366L12 180C14 152 34 152 34 180L32 366L66 372L80 230C84 206 98 208 96 232L92 470C86 560 84 600 78 640L-84 640C-104 580-108 530-112 470Z";
        canvas.fill(face, &second, 0.95);
        let mut pimples = String::new();
        let mut y = 190.0;
        let mut odd = false;
        while y < 640.0 {
            let mut x = if odd { -118.0 } else { -110.0 };
            while x < 96.0 {
                let _ = write!(pimples, "M{x:.0} {y:.0}h.1");
                x += 16.0;
            }
            y += 14.0;
            odd = !odd;
        }
        canvas.clipped(face, |canvas| canvas.line(&pimples, &shades.dark, 4.5, 0.35));
        canvas.fill("M-140 200L-90 200L-110 700L-140 700Z", "#ffffff", 0.14);
    });
    canvas.line(hand, INK, 3.0, 1.0);
    canvas.line("M-83 330L-80 420M-15 320L-14 412M50 326L50 416", INK, 2.5, 0.6);
    let cuff =
        "M-100 676C-60 662 82 662 120 676L150 826C152 842 140 850 124 850L-106 850C-122 850-132 842-130 826Z";
    let cloth = canvas.across(&[CLOTH[0], CLOTH[1], CLOTH[2]]);
    canvas.shape(cuff, &cloth);
    canvas.clipped(cuff, |canvas| {
        canvas.fill("M-140 700H160V728H-140Z", &shades.plain, 1.0);
        canvas.fill("M-140 736H160V744H-140Z", &second, 1.0);
    });
    canvas.line(cuff, INK, 3.0, 1.0);
    emblem(canvas, 8.0, 798.0, 30.0, &shades.plain);
}
