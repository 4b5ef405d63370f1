//! A sheet to draw on: shapes, gradients, a little repeatable chance.

use std::fmt::Write as _;

use super::{HEIGHT, WIDTH};
use crate::colour::{BLACK, Colour, WHITE};

/// Outlines of everything.
pub(super) const INK: &str = "#2b2721";
/// New willow, in the light and in the shade.
pub(super) const WILLOW: [&str; 3] = ["#f6e5bf", "#ecd3a0", "#d3ae70"];
/// Cloth and leather that are white.
pub(super) const CLOTH: [&str; 3] = ["#fffdf8", "#f3eee2", "#d9d1bf"];
pub(super) const STEEL: [&str; 3] = ["#d5d8da", "#8f969b", "#4d5358"];

pub(super) struct Canvas {
    definitions: String,
    body: String,
    gradients: u32,
    state: u64,
}

impl Canvas {
    pub(super) fn new(seed: u64) -> Canvas {
        Canvas { definitions: String::new(), body: String::new(), gradients: 0, state: seed }
    }

    /// Paper, a crease, and the shade of turf behind it.
    pub(super) fn paper(&mut self) {
        self.raw(r##"<path fill="#f2eee4" d="M0 0h800v1000H0z"/><path fill="#e7e0cf" d="M0 930h800v70H0z"/><path fill="#fffdf6" d="M0 926h800v5H0z"/>"##);
    }

    /// The soft shade something throws on the ground.
    pub(super) fn shade(&mut self, x: f64, y: f64, width: f64) {
        let _ = write!(
            self.body,
            r##"<ellipse cx="{x:.0}" cy="{y:.0}" rx="{width:.0}" ry="{:.0}" fill="#2b2721" opacity=".13"/>"##,
            (width * 0.075).max(9.0)
        );
    }

    pub(super) fn raw(&mut self, svg: &str) {
        self.body.push_str(svg);
    }

    /// A filled shape with an outline.
    pub(super) fn shape(&mut self, path: &str, fill: &str) {
        self.outlined(path, fill, 3.0);
    }

    pub(super) fn outlined(&mut self, path: &str, fill: &str, width: f64) {
        let _ = write!(
            self.body,
            r#"<path d="{path}" fill="{fill}" stroke="{INK}" stroke-width="{width}" stroke-linejoin="round" stroke-linecap="round"/>"#
        );
    }

    /// A filled shape without an outline.
    pub(super) fn fill(&mut self, path: &str, fill: &str, opacity: f64) {
        let _ = write!(self.body, r#"<path d="{path}" fill="{fill}""#);
        if opacity < 1.0 {
            let _ = write!(self.body, r#" opacity="{opacity}""#);
        }
        self.body.push_str("/>");
    }

    pub(super) fn line(&mut self, path: &str, colour: &str, width: f64, opacity: f64) {
        let _ = write!(
            self.body,
            r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round""#
        );
        if opacity < 1.0 {
            let _ = write!(self.body, r#" opacity="{opacity}""#);
        }
        self.body.push_str("/>");
    }

    /// A rounded box with an outline.
    pub(super) fn block(&mut self, x: f64, y: f64, width: f64, height: f64, radius: f64, fill: &str) {
        let _ = write!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="{radius:.1}" fill="{fill}" stroke="{INK}" stroke-width="3"/>"#
        );
    }

    /// Everything drawn by `inside` is moved by an SVG transform.
    pub(super) fn group(&mut self, transform: &str, inside: impl FnOnce(&mut Canvas)) {
        let _ = write!(self.body, r#"<g transform="{transform}">"#);
        inside(self);
        self.body.push_str("</g>");
    }

    /// Everything drawn by `inside` is cut to the shape of a path.
    pub(super) fn clipped(&mut self, path: &str, inside: impl FnOnce(&mut Canvas)) {
        let id = self.next_id();
        let _ = write!(self.definitions, r#"<clipPath id="{id}"><path d="{path}"/></clipPath>"#);
        let _ = write!(self.body, r#"<g clip-path="url(#{id})">"#);
        inside(self);
        self.body.push_str("</g>");
    }

    /// A gradient from left to right; the answer is a fill.
    pub(super) fn across(&mut self, stops: &[&str]) -> String {
        self.linear(stops, "")
    }

    /// A gradient from top to bottom.
    pub(super) fn down(&mut self, stops: &[&str]) -> String {
        self.linear(stops, r#" x2="0" y2="1""#)
    }

    /// A gradient of a rounded thing lit from the upper left.
    pub(super) fn round(&mut self, stops: &[&str]) -> String {
        let id = self.next_id();
        let _ = write!(self.definitions, r#"<radialGradient id="{id}" cx=".36" cy=".3" r=".78">"#);
        self.stops(stops);
        self.definitions.push_str("</radialGradient>");
        format!("url(#{id})")
    }

    fn linear(&mut self, stops: &[&str], direction: &str) -> String {
        let id = self.next_id();
        let _ = write!(self.definitions, r#"<linearGradient id="{id}"{direction}>"#);
        self.stops(stops);
        self.definitions.push_str("</linearGradient>");
        format!("url(#{id})")
    }

    fn stops(&mut self, stops: &[&str]) {
        let last = stops.len().saturating_sub(1).max(1) as f64;
        for (index, stop) in stops.iter().enumerate() {
            let _ = write!(
                self.definitions,
                r#"<stop offset="{:.2}" stop-color="{stop}"/>"#,
                index as f64 / last
            );
        }
    }

    fn next_id(&mut self) -> String {
        self.gradients += 1;
        format!("g{}", self.gradients)
    }

    /// The next number of a fixed sequence (SplitMix64), 0 to 1.
    pub(super) fn chance(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.chance()
    }

    /// One of `count`, from 0.
    pub(super) fn pick(&mut self, count: usize) -> usize {
        ((self.chance() * count as f64) as usize).min(count.saturating_sub(1))
    }

    pub(super) fn finish(self) -> String {
        let Canvas { definitions, body, .. } = self;
        let definitions =
            if definitions.is_empty() { String::new() } else { format!("<defs>{definitions}</defs>") };
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">{definitions}{body}</svg>"#
        )
    }
}

/// A colour in the light, itself, and in the shade.
pub(super) struct Shades {
    pub(super) light: String,
    pub(super) plain: String,
    pub(super) dark: String,
}

impl Shades {
    pub(super) fn of(colour: Colour) -> Shades {
        Shades {
            light: colour.mixed_with(WHITE, 0.22).hex(),
            plain: colour.hex(),
            dark: colour.mixed_with(BLACK, 0.3).hex(),
        }
    }

    pub(super) fn stops(&self) -> [&str; 3] {
        [&self.light, &self.plain, &self.dark]
    }
}
