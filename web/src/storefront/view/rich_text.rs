//! Merchants' text: Markdown in, harmless HTML out.
//!
//! The only way to a `RichText` is through the sanitizer, so a template may print one unescaped.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// HTML without scripts, styles, forms, frames, ids or classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RichText(String);

impl RichText {
    /// Renders CommonMark with tables, to stand under a page's title: headings begin at level 2.
    /// HTML in the source is cleaned like everything else.
    pub fn from_markdown(source: &str) -> RichText {
        RichText::from_html(&render(source, 2))
    }

    /// A text that opens with a heading of the highest level names its page: the name, without marks,
    /// and the rest. Shown under its title it would say it twice.
    pub fn without_title(source: &str) -> (Option<String>, &str) {
        let mut events = Parser::new_ext(source, Options::empty()).into_offset_iter();
        let Some((Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }), heading)) = events.next()
        else {
            return (None, source);
        };
        let words = events.take_while(|(event, _)| !matches!(event, Event::End(TagEnd::Heading(_))));
        let title: String = words
            .filter_map(|(event, _)| match event {
                Event::Text(text) | Event::Code(text) => Some(text.to_string()),
                Event::SoftBreak => Some(" ".to_owned()),
                _ => None,
            })
            .collect();
        let title = Some(title).filter(|title| !title.trim().is_empty());
        (title, source.get(heading.end..).unwrap_or_default())
    }

    /// The same, to stand under a heading of level 2: headings begin at level 3.
    pub fn under_heading(source: &str) -> RichText {
        RichText::from_html(&render(source, 3))
    }

    /// Keeps what text needs and drops the rest.
    pub fn from_html(source: &str) -> RichText {
        RichText(CLEANER.clean(source).to_string())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whatever levels the merchant chose, the page's outline has no gaps: the highest used becomes `top`.
fn render(source: &str, top: usize) -> String {
    let parser = || Parser::new_ext(source, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let used: BTreeSet<HeadingLevel> = parser()
        .filter_map(|event| match event {
            Event::Start(Tag::Heading { level, .. }) => Some(level),
            _ => None,
        })
        .collect();
    let mut last = top - 1;
    let events = parser().map(|event| match event {
        Event::Start(Tag::Heading { level, .. }) => {
            let rank = used.iter().position(|known| *known == level).unwrap_or_default();
            last = (top + rank).min(last + 1).min(6);
            Event::Start(Tag::Heading {
                level: numbered(last),
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            })
        }
        Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(numbered(last))),
        other => other,
    });
    let mut rendered = String::new();
    html::push_html(&mut rendered, events);
    rendered
}

fn numbered(level: usize) -> HeadingLevel {
    HeadingLevel::try_from(level).expect("kept between 2 and 6")
}

static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = ammonia::Builder::default();
    cleaner
        .tags(
            [
                "p",
                "br",
                "hr",
                "h2",
                "h3",
                "h4",
                "ul",
                "ol",
                "li",
                "strong",
                "em",
                "b",
                "i",
                "s",
                "del",
                "sub",
                "sup",
                "a",
                "blockquote",
                "code",
                "pre",
                "table",
                "thead",
                "tbody",
                "tr",
                "th",
                "td",
                "dl",
                "dt",
                "dd",
            ]
            .into(),
        )
        .tag_attributes([("a", ["href"].into())].into())
        .generic_attributes([].into())
        .url_schemes(["http", "https", "mailto", "tel"].into())
        .link_rel(Some("noopener nofollow"));
    cleaner
});

impl fmt::Display for RichText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl askama::FastWritable for RichText {
    fn write_into(&self, destination: &mut dyn fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        destination.write_str(&self.0)?;
        Ok(())
    }
}

impl askama::filters::HtmlSafe for RichText {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_quiet_html() {
        let text = RichText::from_markdown("# Care\n\nOil *lightly*.\n\n| a | b |\n|---|---|\n| 1 | 2 |");
        assert!(text.to_string().starts_with("<h2>Care</h2>\n<p>Oil <em>lightly</em>.</p>"), "{text}");
        assert!(text.to_string().contains("<td>1</td>"));
    }

    #[test]
    fn a_text_gives_its_page_its_title() {
        let of = |source| RichText::without_title(source);
        assert_eq!(
            of("# Delivery *and* returns\n\nTwo days."),
            (Some("Delivery and returns".into()), "\nTwo days.")
        );
        assert_eq!(of("Delivery\n===\nTwo days."), (Some("Delivery".into()), "Two days."));
        assert_eq!(of("Two days.\n\n# Later"), (None, "Two days.\n\n# Later"));
        assert_eq!(of("## Delivery"), (None, "## Delivery"));
        assert_eq!(of("#"), (None, ""));
    }

    #[test]
    fn headings_leave_no_gaps() {
        let source = "#### Deep\n\n# High\n\n#### Deep";
        assert_eq!(
            RichText::from_markdown(source).to_string().trim(),
            "<h2>Deep</h2>\n<h2>High</h2>\n<h3>Deep</h3>"
        );
        assert_eq!(RichText::under_heading("## One").to_string().trim(), "<h3>One</h3>");
    }

    #[test]
    fn nothing_that_runs_or_styles_survives() {
        let hostile = "<script>alert(1)</script><p style=\"color:red\" onclick=\"x()\" class=\"c\" id=\"i\">hi\
            </p><img src=x onerror=y><a href=\"javascript:alert(1)\">a</a><iframe src=//x></iframe>\
            <form><input></form><svg onload=z></svg><style>*{}</style>";
        for text in [RichText::from_html(hostile), RichText::from_markdown(hostile)] {
            let html = text.to_string().to_lowercase();
            for forbidden in [
                "script", "style", "onclick", "onerror", "onload", "class=", "id=", "<img", "<iframe",
                "<form", "<svg",
            ] {
                assert!(!html.contains(forbidden), "{forbidden} in {html}");
            }
        }
    }
}
