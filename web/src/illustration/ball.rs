//! The ball: a sphere with its six rows of stitches, in true projection.

use std::f64::consts::PI;
use std::fmt::Write as _;

use super::Palette;
use super::canvas::{Canvas, INK, Shades};

const RADIUS: f64 = 262.0;

pub(super) fn ball(palette: &Palette, canvas: &mut Canvas) {
    canvas.shade(400.0, 920.0, 180.0);
    canvas.group("translate(400 656)", |canvas| draw(palette, canvas));
}

pub(super) fn draw(palette: &Palette, canvas: &mut Canvas) {
    let shades = Shades::of(palette.primary);
    let light_leather = palette.primary.luminance() > 0.5;
    let deepest =
        palette.primary.mixed_with(crate::colour::BLACK, if light_leather { 0.28 } else { 0.55 }).hex();
    let leather = canvas.round(&[&shades.light, &shades.plain, &shades.plain, &deepest]);
    canvas.raw(&format!(r#"<circle r="{RADIUS}" fill="{leather}" stroke="{INK}" stroke-width="3"/>"#));
    let turn = canvas.between(0.42, 0.62);
    let tilt = canvas.between(0.25, 0.5);
    let project = |along: f64, beside: f64| -> Option<(f64, f64)> {
        // A point beside the great circle x = 0, turned about the upright axis, then tilted in the plane.
        let (x, y, z) = (beside.sin(), beside.cos() * along.sin(), beside.cos() * along.cos());
        let (x, z) = (x * turn.cos() + z * turn.sin(), z * turn.cos() - x * turn.sin());
        let (x, y) = (x * tilt.cos() - y * tilt.sin(), x * tilt.sin() + y * tilt.cos());
        (z > 0.02).then_some((x * RADIUS, y * RADIUS))
    };
    let thread = if light_leather { "#2f5d46" } else { "#f3ead2" };
    let seam_shade = palette.primary.mixed_with(crate::colour::BLACK, 0.35).hex();
    canvas.line(&arc(&project, 0.0), &seam_shade, 9.0, 0.8);
    for beside in [-0.135, 0.135] {
        canvas.line(&arc(&project, beside), &seam_shade, 2.5, 0.7);
    }
    for row in [-0.115, -0.075, -0.035, 0.035, 0.075, 0.115] {
        let mut stitches = String::new();
        let mut along = -PI;
        let lean = if row > 0.0 { 0.02 } else { -0.02 };
        while along < PI {
            let ends = (project(along, row - 0.013), project(along + lean, row + 0.013));
            if let (Some((x1, y1)), Some((x2, y2))) = ends {
                let _ = write!(stitches, "M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}");
            }
            along += 0.056;
        }
        canvas.line(&stitches, thread, 3.6, 0.95);
    }
    stamp(canvas, light_leather);
    canvas.raw(r##"<ellipse cx="-96" cy="-132" rx="66" ry="38" transform="rotate(-38 -96 -132)" fill="#ffffff" opacity=".22"/><ellipse cx="-118" cy="-150" rx="26" ry="14" transform="rotate(-38 -118 -150)" fill="#ffffff" opacity=".35"/>"##);
}

/// The visible part of a circle beside the seam.
fn arc(project: &impl Fn(f64, f64) -> Option<(f64, f64)>, beside: f64) -> String {
    let mut path = String::new();
    let mut pen_down = false;
    for step in 0..=120 {
        let along = -PI + 2.0 * PI * f64::from(step) / 120.0;
        match project(along, beside) {
            Some((x, y)) => {
                let _ = write!(path, "{}{x:.1} {y:.1}", if pen_down { "L" } else { "M" });
                pen_down = true;
            }
            None => pen_down = false,
        }
    }
    path
}

/// The maker's gold on the leather.
fn stamp(canvas: &mut Canvas, light_leather: bool) {
    let gold = if light_leather { "#6c6a58" } else { "#d9b45c" };
    canvas.group("translate(-112 70) rotate(-26) scale(1 .94)", |canvas| {
        canvas.line("M-62-34C-30-58 30-58 62-34", gold, 4.0, 0.85);
        canvas.line("M-62 36C-30 60 30 60 62 36", gold, 4.0, 0.85);
        canvas.line("M-46-20H46M-46 22H46", gold, 3.0, 0.6);
        canvas.fill("M0-14L5-4L16-3L8 4L10 15L0 9L-10 15L-8 4L-16-3L-5-4Z", gold, 0.9);
        canvas.line("M-44 1H-24M24 1H44", gold, 4.0, 0.85);
    });
}
