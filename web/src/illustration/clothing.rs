//! Whites and their companions: shirt, trousers, sweater, cap, shoes.

use std::fmt::Write as _;

use super::Palette;
use super::canvas::{CLOTH, Canvas, INK, Shades};
use super::marks::emblem;

/// Whites are white; the palette trims them.
fn whites(canvas: &mut Canvas) -> String {
    canvas.across(&[CLOTH[1], CLOTH[0], CLOTH[1], CLOTH[2]])
}

pub(super) fn shirt(palette: &Palette, canvas: &mut Canvas) {
    let cloth = whites(canvas);
    let shades = Shades::of(palette.primary);
    canvas.shade(400.0, 900.0, 210.0);
    let left = "M262 196L150 262C112 286 84 352 64 452L190 500L244 372Z";
    let right = "M538 196L650 262C688 286 716 352 736 452L610 500L556 372Z";
    canvas.shape(left, &cloth);
    canvas.shape(right, &cloth);
    canvas.fill("M64 452L190 500L197 482L70 434Z", &shades.plain, 1.0);
    canvas.fill("M736 452L610 500L603 482L730 434Z", &shades.plain, 1.0);
    canvas.line(left, INK, 3.0, 1.0);
    canvas.line(right, INK, 3.0, 1.0);
    let body = "M300 176C340 214 460 214 500 176L560 206C566 300 566 340 574 420C584 560 586 720 590 872C470 898 330 898 210 872C214 720 216 560 226 420C234 340 234 300 240 206Z";
    canvas.shape(body, &cloth);
    canvas.clipped(body, |canvas| {
        canvas.fill(
            "M226 360C238 520 232 720 214 890L190 890V360ZM574 360C562 520 568 720 586 890L610 890V360Z",
            &shades.plain,
            1.0,
        );
        canvas.line(
            "M242 360C254 520 248 720 232 890M558 360C546 520 552 720 568 890",
            &palette.secondary.hex(),
            4.0,
            1.0,
        );
        canvas.line("M300 860C310 700 318 600 306 470M500 860C492 720 480 620 498 500", "#b8ae98", 3.0, 0.5);
        canvas.line("M330 420C340 470 338 520 330 560", "#b8ae98", 3.0, 0.35);
    });
    canvas.line(body, INK, 3.0, 1.0);
    // Collar and placket.
    canvas.shape("M376 214H424V360L400 374L376 360Z", &cloth);
    for y in [248.0, 290.0, 332.0] {
        canvas.raw(&format!(
            r#"<circle cx="400" cy="{y}" r="6" fill="{}" stroke="{INK}" stroke-width="2"/>"#,
            shades.plain
        ));
    }
    let collar = "M300 176C322 158 360 148 400 148C440 148 478 158 500 176L470 262L400 214L330 262Z";
    canvas.shape(collar, &cloth);
    canvas.fill(
        "M322 164C350 184 450 184 478 164C456 152 430 148 400 148C370 148 344 152 322 164Z",
        "#8b8373",
        0.45,
    );
    canvas.line("M334 250L400 204L466 250", &shades.plain, 5.0, 1.0);
    emblem(canvas, 498.0, 340.0, 26.0, &shades.plain);
}

pub(super) fn trousers(palette: &Palette, canvas: &mut Canvas) {
    let cloth = whites(canvas);
    let shades = Shades::of(palette.primary);
    canvas.shade(400.0, 924.0, 170.0);
    let legs = "M266 130H534C552 300 562 600 566 906C530 922 460 922 428 908L404 396L372 908C340 922 270 922 234 906C238 600 248 300 266 130Z";
    canvas.shape(legs, &cloth);
    canvas.clipped(legs, |canvas| {
        canvas.fill(
            "M258 180L280 180C262 420 258 700 256 920H226ZM542 180L520 180C538 420 542 700 544 920H574Z",
            &shades.plain,
            1.0,
        );
        canvas.line(
            "M288 186C272 420 268 700 266 920M512 186C528 420 532 700 534 920",
            &palette.secondary.hex(),
            3.5,
            1.0,
        );
        canvas.line(
            "M404 396L400 190M330 330C336 520 322 740 316 900M474 330C468 520 484 740 490 900",
            "#b8ae98",
            3.0,
            0.7,
        );
        canvas.line("M286 190L318 288M514 190L482 288", "#8b8373", 3.0, 0.9);
    });
    canvas.line(legs, INK, 3.0, 1.0);
    canvas.shape("M264 126C330 142 470 142 536 126L538 180C470 194 330 194 262 180Z", &cloth);
    for x in [306.0, 494.0] {
        canvas.block(x - 7.0, 126.0, 14.0, 66.0, 3.0, CLOTH[1]);
    }
    canvas.raw(&format!(
        r#"<circle cx="400" cy="164" r="9" fill="{}" stroke="{INK}" stroke-width="2.5"/>"#,
        shades.plain
    ));
    emblem(canvas, 486.0, 330.0, 20.0, &shades.plain);
}

pub(super) fn sweater(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let wool = canvas.across(&["#f4ead0", "#fbf4e2", "#f4ead0", "#dccfae"]);
    canvas.shade(400.0, 908.0, 210.0);
    for sleeve in [
        "M250 214C176 262 128 400 96 690L196 716L262 420Z",
        "M550 214C624 262 672 400 704 690L604 716L538 420Z",
    ] {
        canvas.shape(sleeve, &wool);
    }
    for (x, direction) in [(96.0, 1.0), (704.0, -1.0)] {
        let cuff =
            format!("M{x} 690l{} 26l{} 64l{} -26Z", 100.0 * direction, -12.0 * direction, -98.0 * direction);
        canvas.shape(&cuff, &shades.plain);
    }
    let body = "M306 176L400 400L494 176L556 208C562 340 572 420 578 500C586 620 588 700 590 820C470 846 330 846 210 820C212 700 214 620 222 500C228 420 238 340 244 208Z";
    canvas.shape(body, &wool);
    canvas.clipped(body, |canvas| {
        let mut cables = String::new();
        for x in [262.0, 318.0, 400.0, 482.0, 538.0] {
            let mut y = 190.0;
            while y < 830.0 {
                let _ = write!(cables, "M{:.0} {y:.0}c0 16 18 14 18 30c0 16-18 14-18 30M{:.0} {y:.0}c0 16-18 14-18 30c0 16 18 14 18 30", x - 9.0, x + 9.0);
                y += 60.0;
            }
        }
        canvas.line(&cables, "#b9a679", 4.0, 0.75);
        for x in [290.0, 359.0, 441.0, 510.0] {
            canvas.line(&format!("M{x} 190V830"), "#c9b88e", 3.0, 0.7);
        }
    });
    canvas.line(body, INK, 3.0, 1.0);
    // The V in the club's colours.
    let second = palette.secondary.hex();
    for (shift, colour, width) in [
        (0.0, shades.plain.as_str(), 22.0),
        (24.0, second.as_str(), 12.0),
        (40.0, shades.plain.as_str(), 12.0),
    ] {
        let v = format!(
            "M{:.0} {:.0}L400 {:.0}L{:.0} {:.0}",
            318.0 - shift * 0.6,
            196.0 - shift * 0.1,
            392.0 + shift * 1.3,
            482.0 + shift * 0.6,
            196.0 - shift * 0.1
        );
        canvas.line(&v, colour, width, 1.0);
    }
    canvas.line("M306 176L400 392L494 176", INK, 3.0, 1.0);
    let hem = "M208 800C330 828 470 828 592 800L592 872C470 900 330 900 208 872Z";
    canvas.shape(hem, &shades.plain);
    canvas.line("M210 826C330 854 470 854 590 826", &second, 9.0, 1.0);
}

pub(super) fn cap(palette: &Palette, canvas: &mut Canvas) {
    canvas.group("translate(0 130)", |canvas| cap_at_rest(palette, canvas));
}

fn cap_at_rest(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let deepest = palette.primary.mixed_with(crate::colour::BLACK, 0.5).hex();
    canvas.shade(420.0, 776.0, 250.0);
    let felt = canvas.round(&[&shades.light, &shades.plain, &deepest]);
    let crown = "M150 640C130 470 200 300 390 292C580 292 640 420 628 610C520 664 270 680 150 640Z";
    canvas.shape(crown, &felt);
    canvas.clipped(crown, |canvas| {
        for path in [
            "M386 294C300 360 244 480 236 670",
            "M386 294C380 400 372 540 380 680",
            "M390 294C480 360 526 480 530 670",
        ] {
            canvas.line(path, &palette.secondary.hex(), 4.0, 0.9);
        }
        canvas.fill("M190 500C204 400 268 330 340 316C280 370 240 440 226 530Z", "#ffffff", 0.16);
    });
    canvas.line(crown, INK, 3.0, 1.0);
    canvas.raw(&format!(
        r#"<ellipse cx="388" cy="290" rx="22" ry="12" fill="{}" stroke="{INK}" stroke-width="3"/>"#,
        palette.secondary.hex()
    ));
    let peak = "M300 654C420 640 540 618 630 596C700 616 752 664 748 712C744 742 700 742 660 734C560 700 420 690 304 706C280 700 280 664 300 654Z";
    let leather = canvas.down(&[&shades.plain, &shades.dark]);
    canvas.shape(peak, &leather);
    canvas.line("M330 690C460 676 600 690 712 722", &palette.secondary.hex(), 4.0, 0.9);
    emblem(canvas, 456.0, 470.0, 48.0, &palette.secondary.hex());
}

pub(super) fn shoes(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(400.0, 836.0, 320.0);
    canvas.group("translate(40 -150) scale(.94)", |canvas| shoe(palette, canvas, true));
    canvas.group("translate(30 60)", |canvas| shoe(palette, canvas, false));
}

fn shoe(palette: &Palette, canvas: &mut Canvas, behind: bool) {
    let shades = Shades::of(palette.primary);
    let white = canvas.down(&[CLOTH[0], CLOTH[1], CLOTH[2]]);
    for x in [130.0, 196.0, 262.0, 460.0, 530.0, 600.0, 656.0] {
        canvas.outlined(&format!("M{} 760L{} 760L{x} 790Z", x - 10.0, x + 10.0), "#8f969b", 2.0);
    }
    canvas.shape("M84 716C80 744 92 764 120 766L650 766C688 766 704 744 700 718Z", &shades.plain);
    canvas.line("M92 740H696", &palette.secondary.hex(), 5.0, 1.0);
    let upper = "M92 716C78 640 84 540 112 486C122 464 150 462 172 476C196 500 236 512 284 496L330 470C352 462 372 470 386 488L470 590C540 620 640 624 680 664C700 684 704 704 700 720Z";
    canvas.shape(upper, &white);
    canvas.clipped(upper, |canvas| {
        canvas.fill("M84 716V560C110 600 150 620 190 622L210 720Z", &shades.plain, 1.0);
        canvas.fill("M540 622C600 640 690 640 710 680V724H600C590 690 570 650 540 622Z", "#d9d1bf", 0.8);
        canvas.fill("M250 722C270 640 330 590 430 566L470 590C380 614 322 660 306 722Z", &shades.plain, 1.0);
        canvas.line("M330 722C346 672 396 632 486 608", &palette.secondary.hex(), 7.0, 1.0);
    });
    canvas.line(upper, INK, 3.0, 1.0);
    canvas.line("M330 470L300 540M386 488L352 556M424 534L398 590M460 578L442 612", INK, 7.0, 1.0);
    canvas.line("M330 470L300 540M386 488L352 556M424 534L398 590M460 578L442 612", CLOTH[0], 3.5, 1.0);
    canvas.line("M112 486C140 520 230 548 300 510", "#8b8373", 3.0, 0.8);
    if behind {
        canvas.fill(upper, "#2b2721", 0.06);
    } else {
        emblem(canvas, 146.0, 668.0, 24.0, &palette.secondary.hex());
    }
}
