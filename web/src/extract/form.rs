//! Forms of our own pages: `application/x-www-form-urlencoded`, with a token where the route asks for one.

use super::{Pairs, read_body};
use crate::gate::{BodyMax, Call};
use crate::problem::{Kind, Problem};
use axum::extract::{FromRequest, Request};
use http::header;

/// The fields of a form. Unlike the API, forms take unknown fields: browsers and extensions add some.
#[derive(Debug)]
pub struct Form(pub Pairs);

/// The name of the field that carries the token.
pub const TOKEN_FIELD: &str = "csrf";

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Form, Problem> {
        let max = BodyMax::of(&request);
        let call = Call::of(request.extensions())?;
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            return Err(Problem::new(Kind::UnsupportedMediaType).detail("Send the fields of a form."));
        }
        let bytes = read_body(body, max).await?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Problem::new(Kind::Malformed).detail("The form is not UTF-8."))?;
        let mut pairs = Pairs::parse(text)?;
        let token = pairs.text(TOKEN_FIELD);
        call.check_form_token(token.as_deref())?;
        Ok(Form(pairs))
    }
}
