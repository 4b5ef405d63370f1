//! The helmet, from the side, looking to the right.

use super::Palette;
use super::canvas::{Canvas, INK, STEEL, Shades};
use super::marks::emblem;

pub(super) fn helmet(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(390.0, 924.0, 220.0);
    canvas.group("translate(-46 104)", |canvas| draw(palette, canvas));
}

pub(super) fn draw(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let deepest = palette.primary.mixed_with(crate::colour::BLACK, 0.55).hex();
    let shell_fill = canvas.round(&[&shades.light, &shades.plain, &shades.plain, &deepest]);
    let lining = canvas.across(&["#4a453d", "#2e2a25"]);
    // The inside, seen below the rim.
    canvas.shape("M188 470C190 560 200 640 236 700C270 742 330 748 372 720L420 560L520 470Z", &lining);
    // The chin strap.
    canvas.line("M330 640C350 740 420 800 520 806", "#2b2721", 17.0, 1.0);
    canvas.line("M330 640C350 740 420 800 520 806", &shades.plain, 11.0, 1.0);
    canvas.block(486.0, 786.0, 58.0, 40.0, 14.0, "#35302a");
    // The shell.
    let shell = "M150 480C130 260 250 128 420 128C570 128 650 230 656 372C656 396 646 408 620 412L470 430C440 434 424 450 420 480L404 556C398 590 380 606 350 608L250 614C190 612 156 560 150 480Z";
    canvas.shape(shell, &shell_fill);
    canvas.clipped(shell, |canvas| {
        canvas.line("M386 128C300 190 262 300 262 420", &shades.dark, 5.0, 0.8);
        canvas.line("M398 128C312 190 274 300 274 420", "#ffffff", 3.0, 0.22);
        canvas.fill("M206 330C226 236 290 176 352 160C300 214 262 270 248 350Z", "#ffffff", 0.2);
        for (x, y) in [(430.0, 196.0), (484.0, 212.0), (536.0, 240.0)] {
            canvas.group(&format!("translate({x} {y}) rotate(38)"), |canvas| {
                canvas.block(-10.0, -32.0, 20.0, 64.0, 10.0, &deepest);
            });
        }
        canvas.line("M150 520C230 548 330 548 412 520", &palette.secondary.hex(), 7.0, 0.95);
    });
    canvas.line(shell, INK, 3.0, 1.0);
    emblem(canvas, 530.0, 330.0, 40.0, &palette.secondary.hex());
    // The ear guard with its slots.
    let ear = "M236 520C236 470 276 440 326 440C372 440 400 470 398 512L388 610C382 664 350 690 310 688C262 686 238 640 236 580Z";
    let guard = canvas.across(&shades.stops());
    canvas.shape(ear, &guard);
    for y in [520.0, 552.0, 584.0, 616.0] {
        canvas.line(&format!("M286 {y}H350"), "#211e1a", 11.0, 0.85);
    }
    // The peak.
    let peak = "M440 434C520 410 600 398 664 402C700 404 744 424 760 446C764 456 756 462 744 460C660 446 560 448 470 468C446 472 430 450 440 434Z";
    let peak_fill = canvas.down(&[&shades.light, &shades.plain, &shades.dark]);
    canvas.shape(peak, &peak_fill);
    canvas.line("M480 446C570 424 660 424 730 446", "#ffffff", 3.0, 0.35);
    grille(canvas);
}

/// Five bars round the face, held by two uprights.
fn grille(canvas: &mut Canvas) {
    let bars = [
        "M392 500C480 470 610 468 704 492C724 498 724 512 716 520",
        "M388 548C480 522 610 520 700 544C720 550 722 564 712 572",
        "M382 598C470 574 590 574 686 598C704 604 706 616 696 624",
        "M374 648C460 630 570 632 660 654C676 658 678 670 668 678",
        "M360 690C440 684 540 690 622 714",
    ];
    let posts = ["M700 494C704 580 680 680 622 716", "M560 474C566 560 560 640 540 694"];
    for post in posts {
        bar(canvas, post);
    }
    for path in bars {
        bar(canvas, path);
    }
    for (x, y) in [(394.0, 500.0), (382.0, 598.0), (362.0, 690.0)] {
        canvas.raw(&format!(
            r#"<circle cx="{x}" cy="{y}" r="10" fill="{}" stroke="{INK}" stroke-width="2.5"/>"#,
            STEEL[1]
        ));
    }
}

fn bar(canvas: &mut Canvas, path: &str) {
    canvas.line(path, INK, 14.0, 1.0);
    canvas.line(path, STEEL[1], 9.0, 1.0);
    canvas.line(path, STEEL[0], 3.0, 0.9);
}
