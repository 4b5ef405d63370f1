//! Pages that explain each problem type, for people who follow the `type` of a problem.

use super::{Kind, Problem};
use crate::extract::Path;
use askama::Template;
use axum::response::{Html, IntoResponse, Response};

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="stylesheet" href="{{ crate::assets::asset_url("reference.css") }}"><title>{{ kind.title() }}</title></head>
<body>
<main>
<h1>{{ kind.title() }}</h1>
<p><code>{{ kind.slug() }}</code>, HTTP status {{ kind.status().as_u16() }}</p>
<p>{{ kind.meaning() }}</p>
<p><a href="/problems">All problem types</a></p>
</main>
</body>
</html>
"#
)]
struct Explanation {
    kind: Kind,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="stylesheet" href="{{ crate::assets::asset_url("reference.css") }}"><title>Problem types</title></head>
<body>
<main>
<h1>Problem types</h1>
<p>Every answer that is not the one hoped for is one of these.</p>
<dl>
{% for kind in kinds %}<dt><a href="/problems/{{ kind.slug() }}">{{ kind.slug() }}</a> ({{ kind.status().as_u16() }})</dt>
<dd>{{ kind.title() }}. {{ kind.meaning() }}</dd>
{% endfor %}</dl>
</main>
</body>
</html>
"#
)]
struct List {
    kinds: &'static [Kind],
}

/// `GET /problems/{slug}`: what a problem type means.
pub async fn explain_problem(Path(slug): Path<String>) -> Result<Response, Problem> {
    let kind = Kind::from_slug(&slug).ok_or_else(|| Problem::not_found("problem type"))?;
    page(&Explanation { kind })
}

/// `GET /problems`: all of them.
pub async fn list_problems() -> Result<Response, Problem> {
    page(&List { kinds: Kind::ALL })
}

fn page(template: &impl Template) -> Result<Response, Problem> {
    let text = template.render().map_err(Problem::internal)?;
    Ok(Html(text).into_response())
}
