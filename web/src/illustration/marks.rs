//! Marks: emblems on labels, a shop's wordmark, its favicon.

use super::canvas::Canvas;
use crate::colour::Colour;

/// A maker's sign about (x, y), as wide as two `size`; six signs, by the canvas's seed.
pub(super) fn emblem(canvas: &mut Canvas, x: f64, y: f64, size: f64, colour: &str) {
    let sign = canvas.pick(6);
    let scale = size / 50.0;
    canvas.group(&format!("translate({x:.1} {y:.1}) scale({scale:.3})"), |canvas| match sign {
        0 => canvas.line("M-36 22L0-22L36 22M-36 44L0 0L36 44", colour, 12.0, 1.0),
        1 => {
            canvas.line("M0-46C30-20 30 20 0 46C-30 20-30-20 0-46Z", colour, 7.0, 1.0);
            canvas.line("M0-30V46M0-8L14-20M0 8L-14-4M0 24L14 12", colour, 5.0, 1.0);
        }
        2 => canvas.fill("M0-48L12-15L47-15L19 6L29 40L0 20L-29 40L-19 6L-47-15L-12-15Z", colour, 1.0),
        3 => {
            canvas.line("M-44 0A44 44 0 0 1 44 0A44 44 0 0 1-44 0", colour, 8.0, 1.0);
            canvas.line("M-12-40C6-16 6 16-12 40M12-40C-6-16-6 16 12 40", colour, 5.0, 1.0);
        }
        4 => canvas.fill("M-48 30L-10-40L4-40L-20 8L12-40L48 30L34 30L14-8L-6 30Z", colour, 1.0),
        _ => canvas.fill("M-44-30H44V-16H-44ZM-44-7H28V7H-44ZM-44 16H10V30H-44Z", colour, 1.0),
    });
}

/// A shop's favicon: its first letter on its colour, a seam beneath.
pub fn favicon(initial: char, brand: Colour) -> String {
    let letter = initial.to_uppercase().find(|letter| letter.is_alphanumeric()).unwrap_or('•');
    let ink = brand.ink().hex();
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64"><rect width="64" height="64" rx="10" fill="{brand}"/><text x="32" y="43" font-family="Palatino,'URW Palladio L',P052,Georgia,serif" font-size="40" font-weight="700" text-anchor="middle" fill="{ink}">{letter}</text><path d="M8 53l4-4m2 4l4-4m2 4l4-4m2 4l4-4m2 4l4-4m2 4l4-4m2 4l4-4m2 4l4-4" stroke="{ink}" stroke-width="2" stroke-linecap="round" opacity=".75"/></svg>"##,
        brand = brand.hex(),
        letter = escape(&letter.to_string()),
    )
}

/// A shop's name set as a sign, for mails, papers and places that want a picture of it.
/// The size follows the name; one line, 64 high.
pub fn logo(name: &str, brand: Colour) -> String {
    let characters = name.chars().count().clamp(1, 60);
    let width = 40 + 20 * characters;
    let stitches: String = (0..(width - 8) / 8).map(|stitch| format!("M{} 60l4-5", 4 + stitch * 8)).collect();
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 64" width="{width}" height="64" role="img" aria-label="{label}"><text x="4" y="42" textLength="{length}" lengthAdjust="spacingAndGlyphs" font-family="Palatino,'URW Palladio L',P052,Georgia,serif" font-size="40" font-weight="700" fill="{brand}">{label}</text><path d="{stitches}" stroke="{brand}" stroke-width="1.6" stroke-linecap="round"/></svg>"##,
        label = escape(name),
        length = width - 8,
        brand = brand.hex(),
    )
}

/// Text for the inside of an element or a quoted attribute.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
