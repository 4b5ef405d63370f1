//! Merchants' text: Markdown in, harmless HTML out.
//!
//! The only way to a `RichText` is through the sanitizer, so a template may print one unescaped.

use std::fmt;
use std::sync::LazyLock;

/// HTML without scripts, styles, forms, frames, ids or classes. Headings begin at level 2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RichText(String);

impl RichText {
    /// Renders CommonMark with tables; HTML in the source is cleaned like everything else.
    pub fn from_markdown(source: &str) -> RichText {
        use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
        let lower = |level: HeadingLevel| match level {
            HeadingLevel::H1 => HeadingLevel::H2,
            HeadingLevel::H2 => HeadingLevel::H3,
            _ => HeadingLevel::H4,
        };
        let events =
            Parser::new_ext(source, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).map(|event| {
                match event {
                    Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                        Event::Start(Tag::Heading { level: lower(level), id: None, classes, attrs })
                    }
                    Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
                    other => other,
                }
            });
        let mut rendered = String::new();
        html::push_html(&mut rendered, events);
        RichText::from_html(&rendered)
    }

    /// Keeps what text needs and drops the rest.
    pub fn from_html(source: &str) -> RichText {
        RichText(CLEANER.clean(source).to_string())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
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
