//! The description as a page that needs no scripts.

use askama::Template;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="stylesheet" href="{{ crate::assets::asset_url("reference.css") }}"><title>Gearify interface</title></head>
<body>
<main>
<h1>Gearify interface</h1>
<p>{{ about }}</p>
<p><a href="/api/v1/openapi.json">OpenAPI document</a> · <a href="/problems">Problem types</a></p>
<nav aria-label="Chapters"><ul>
{% for chapter in chapters %}<li><a href="#{{ chapter.name }}">{{ chapter.name }}</a></li>
{% endfor %}<li><a href="#types">Types</a></li>
</ul></nav>
{% for chapter in chapters %}<section>
<h2 id="{{ chapter.name }}">{{ chapter.name }}</h2>
{% for operation in chapter.operations %}<article id="{{ operation.id }}">
<h3><code>{{ operation.method }} {{ operation.path }}</code></h3>
<p>{{ operation.summary }}. {{ operation.about }}</p>
{% if !operation.parameters.is_empty() %}<dl>
{% for parameter in operation.parameters %}<dt><code>{{ parameter.name }}</code> ({{ parameter.place }}{% if parameter.required %}, required{% endif %})</dt><dd>{{ parameter.about }}</dd>
{% endfor %}</dl>
{% endif %}{% if let Some(body) = operation.request %}<p>Body: <a href="#type-{{ body }}">{{ body }}</a></p>
{% endif %}{% if let Some(body) = operation.response %}<p>Answer {{ operation.status }}: <a href="#type-{{ body }}">{{ body }}</a></p>
{% else %}<p>Answer {{ operation.status }}</p>
{% endif %}</article>
{% endfor %}</section>
{% endfor %}<section>
<h2 id="types">Types</h2>
{% for kind in types %}<h3 id="type-{{ kind.name }}">{{ kind.name }}</h3>
<pre>{{ kind.schema }}</pre>
{% endfor %}</section>
</main>
</body>
</html>
"##
)]
struct Page {
    about: String,
    chapters: Vec<Chapter>,
    types: Vec<Type>,
}

struct Chapter {
    name: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    about: String,
    parameters: Vec<Parameter>,
    request: Option<String>,
    status: String,
    response: Option<String>,
}

struct Parameter {
    name: String,
    place: String,
    required: bool,
    about: String,
}

struct Type {
    name: String,
    schema: String,
}

pub fn render(document: &Value) -> Result<String, askama::Error> {
    let mut chapters: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let chapter = text(&operation["tags"][0]);
            chapters.entry(chapter).or_default().push(read_operation(path, method, operation));
        }
    }
    let types = document["components"]["schemas"].as_object().into_iter().flatten();
    let types = types.map(|(name, schema)| Type {
        name: name.clone(),
        schema: serde_json::to_string_pretty(schema).unwrap_or_default(),
    });
    let chapters = chapters.into_iter().map(|(name, operations)| Chapter { name, operations });
    Page {
        about: text(&document["info"]["description"]),
        chapters: chapters.collect(),
        types: types.collect(),
    }
    .render()
}

fn read_operation(path: &str, method: &str, operation: &Value) -> Operation {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let answers = operation["responses"].as_object().into_iter().flatten();
    let good = answers.into_iter().find(|(status, _)| status.starts_with('2'));
    Operation {
        id: text(&operation["operationId"]),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        about: text(&operation["description"]),
        parameters: parameters
            .map(|parameter| Parameter {
                name: text(&parameter["name"]),
                place: text(&parameter["in"]),
                required: parameter["required"] == true,
                about: text(&parameter["description"]),
            })
            .collect(),
        request: type_name(&operation["requestBody"]),
        status: good.map_or_else(String::new, |(status, _)| status.clone()),
        response: good.and_then(|(_, answer)| type_name(answer)),
    }
}

fn type_name(body: &Value) -> Option<String> {
    let reference = body["content"]["application/json"]["schema"]["$ref"].as_str()?;
    reference.rsplit('/').next().map(str::to_owned)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
