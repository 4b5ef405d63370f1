//! What products refer to: product types, attributes, options. Each is written whole under its code.

use super::merge::replaces;
use super::product_bodies::all;
use super::products::own_locale;
use super::texts::Words;
use crate::api::body::text;
use crate::api::me::tagged;
use crate::extract::{Json, Path};
use crate::gate::Call;
use crate::problem::{Faults, Problem};
use crate::read::list_view;
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::catalog::{
    self, Attribute, AttributeDetails, AttributeKind, Choice, Command, Level, OptionType, OptionTypeDetails,
    OptionValue, OptionValueDetails, ProductType, ProductTypeDetails, Unit,
};
use gearify_commerce::code::Code;
use gearify_commerce::command::GroupKind;
use gearify_commerce::tenants::Colour;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: definitions", Api, Shop;
        Get "/api/v1/admin/product-types" list_product_types: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(ProductTypeList), "Product types with their attributes";
        Put "/api/v1/admin/product-types/{code}" put_product_type: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(ProductTypeBody), 200(ProductTypeView), "Makes or replaces a product type";
        Get "/api/v1/admin/attributes" list_attributes: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(AttributeList), "Attributes, built-in ones too";
        Put "/api/v1/admin/attributes/{code}" put_attribute: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(AttributeBody), 200(AttributeDefinition), "Makes or replaces an attribute";
        Get "/api/v1/admin/options" list_options: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(OptionList), "Options with their values";
        Put "/api/v1/admin/options/{code}" put_option: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(OptionBody), 200(OptionDefinition), "Makes or renames an option";
        Put "/api/v1/admin/options/{code}/values/{value}" put_option_value: Staff(ProductsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(OptionValueBody), 200(OptionDefinition), "Makes or renames a value of an option";
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductTypeBody {
    pub name: Words,
    /// Codes.
    #[serde(default)]
    pub attributes: Vec<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProductTypeView {
    pub code: String,
    pub revision: u64,
    pub name: Words,
    pub attributes: Vec<String>,
}
list_view!(ProductTypeList of ProductTypeView);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeBody {
    pub name: Words,
    /// `choice`, `number`, `boolean` or `text`.
    pub kind: String,
    /// Of a choice, in this order.
    #[serde(default)]
    pub choices: Vec<ChoiceBody>,
    /// Of a number: `g`, `mm`, `cm`, `in`, `l`, `year`, `over`.
    pub unit: Option<String>,
    #[serde(default)]
    pub decimals: u8,
    /// `product` or `variant`.
    pub level: String,
    #[serde(default)]
    pub facet: bool,
    #[serde(default)]
    pub sortable: bool,
    #[serde(default)]
    pub compared: bool,
    #[serde(default)]
    pub position: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoiceBody {
    pub code: String,
    pub label: Words,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttributeDefinition {
    pub code: String,
    /// 0: built in.
    pub revision: u64,
    pub name: Words,
    pub kind: &'static str,
    pub choices: Vec<ChoiceBody>,
    pub unit: Option<&'static str>,
    pub decimals: u8,
    pub level: &'static str,
    pub facet: bool,
    pub sortable: bool,
    pub compared: bool,
    pub position: u32,
}
list_view!(AttributeList of AttributeDefinition);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionBody {
    pub name: Words,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionValueBody {
    pub label: Words,
    /// A colour that shows it: `#1a2b3c`.
    pub swatch: Option<String>,
    #[serde(default)]
    pub position: u32,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OptionDefinition {
    pub code: String,
    pub revision: u64,
    pub name: Words,
    pub values: Vec<OptionValueDefinition>,
}
list_view!(OptionList of OptionDefinition);

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OptionValueDefinition {
    pub value: String,
    pub revision: u64,
    pub label: Words,
    pub swatch: Option<String>,
    pub position: u32,
}

/// A code in a path: what is no code names nothing.
pub fn path_code(text: &str) -> Result<Code, Problem> {
    Code::parse(text).map_err(|error| Problem::not_found("code").because(error))
}

fn product_type_view(kind: &ProductType) -> ProductTypeView {
    ProductTypeView {
        code: kind.details.code.to_string(),
        revision: kind.revision,
        name: Words::of(&kind.details.name),
        attributes: kind.details.attributes.iter().map(|code| code.to_string()).collect(),
    }
}

async fn list_product_types(call: Call) -> Json<ProductTypeList> {
    let all = call.read(GroupKind::Catalogue, |view| catalog::product_types(view));
    Json(ProductTypeList::whole(all.iter().map(product_type_view).collect()))
}

async fn put_product_type(
    call: Call,
    Path(code): Path<String>,
    Json(body): Json<ProductTypeBody>,
) -> Result<Response, Problem> {
    let code = path_code(&code)?;
    let before = call.read(GroupKind::Catalogue, |view| catalog::product_type(view, &code));
    let mut faults = Faults::new();
    let attributes = all(&mut faults, "/attributes", &body.attributes, Code::parse);
    let name = body.name.parse("/name", &own_locale(&call)?, &mut faults);
    faults.check()?;
    let expected = replaces(&call, before.map_or(0, |before| before.revision))?;
    let details = ProductTypeDetails { code: code.clone(), name, attributes };
    call.submit(Command::PutProductType { expected, details }).await?;
    let after = call.read(GroupKind::Catalogue, |view| catalog::product_type(view, &code));
    let after = after.ok_or_else(|| Problem::not_found("product type"))?;
    Ok(tagged(after.revision, Json(product_type_view(&after))))
}

fn attribute_view(attribute: &Attribute) -> AttributeDefinition {
    let AttributeDetails { code, name, kind, level, facet, sortable, compared, position } =
        &attribute.details;
    let (word, choices, unit, decimals) = match kind {
        AttributeKind::Choice { values } => {
            let choice = |choice: &Choice| ChoiceBody {
                code: choice.code.to_string(),
                label: Words::of(&choice.label),
            };
            ("choice", values.iter().map(choice).collect(), None, 0)
        }
        AttributeKind::Number { unit, decimals } => ("number", Vec::new(), unit.map(Unit::as_str), *decimals),
        AttributeKind::Boolean => ("boolean", Vec::new(), None, 0),
        AttributeKind::Text => ("text", Vec::new(), None, 0),
    };
    AttributeDefinition {
        code: code.to_string(),
        revision: attribute.revision,
        name: Words::of(name),
        kind: word,
        choices,
        unit,
        decimals,
        level: match level {
            Level::Product => "product",
            Level::Variant => "variant",
        },
        facet: *facet,
        sortable: *sortable,
        compared: *compared,
        position: *position,
    }
}

async fn list_attributes(call: Call) -> Json<AttributeList> {
    let all = call.read(GroupKind::Catalogue, |view| catalog::attributes(view));
    Json(AttributeList::whole(all.iter().map(attribute_view).collect()))
}

impl AttributeBody {
    fn parse(&self, code: Code, call: &Call) -> Result<AttributeDetails, Problem> {
        let default = own_locale(call)?;
        let mut faults = Faults::new();
        let name = self.name.parse("/name", &default, &mut faults);
        let level = match self.level.as_str() {
            "product" => Some(Level::Product),
            "variant" => Some(Level::Variant),
            _ => {
                faults.add("/level", "must be product or variant");
                None
            }
        };
        let kind = match self.kind.as_str() {
            "choice" => {
                let choices = self.choices.iter().enumerate();
                let values = choices.filter_map(|(n, choice)| {
                    let code = faults.take(format!("/choices/{n}/code"), Code::parse(&choice.code))?;
                    let label = choice.label.parse(&format!("/choices/{n}/label"), &default, &mut faults);
                    Some(Choice { code, label })
                });
                Some(AttributeKind::Choice { values: values.collect() })
            }
            "number" => {
                let unit = faults
                    .optional("/unit", text(&self.unit), |unit| Unit::parse(unit).ok_or("is not a unit"));
                Some(AttributeKind::Number { unit, decimals: self.decimals })
            }
            "boolean" => Some(AttributeKind::Boolean),
            "text" => Some(AttributeKind::Text),
            _ => {
                faults.add("/kind", "must be choice, number, boolean or text");
                None
            }
        };
        let (level, kind) = faults.finish(level.zip(kind))?;
        let AttributeBody { facet, sortable, compared, position, .. } = *self;
        Ok(AttributeDetails { code, name, kind, level, facet, sortable, compared, position })
    }
}

async fn put_attribute(
    call: Call,
    Path(code): Path<String>,
    Json(body): Json<AttributeBody>,
) -> Result<Response, Problem> {
    let code = path_code(&code)?;
    let before = call.read(GroupKind::Catalogue, |view| catalog::attribute(view, &code));
    let details = body.parse(code.clone(), &call)?;
    let expected = replaces(&call, before.map_or(0, |before| before.revision))?;
    call.submit(Command::PutAttribute { expected, details }).await?;
    let after = call.read(GroupKind::Catalogue, |view| catalog::attribute(view, &code));
    let after = after.ok_or_else(|| Problem::not_found("attribute"))?;
    Ok(tagged(after.revision, Json(attribute_view(&after))))
}

fn option_view(option: &OptionType, values: &[OptionValue]) -> OptionDefinition {
    let value = |value: &OptionValue| OptionValueDefinition {
        value: value.details.code.to_string(),
        revision: value.revision,
        label: Words::of(&value.details.label),
        swatch: value.details.swatch.as_ref().map(|colour| colour.to_string()),
        position: value.details.position,
    };
    OptionDefinition {
        code: option.details.code.to_string(),
        revision: option.revision,
        name: Words::of(&option.details.name),
        values: values.iter().map(value).collect(),
    }
}

fn show_option(call: &Call, code: &Code) -> Result<Response, Problem> {
    let found = call.read(GroupKind::Catalogue, |view| {
        let option = catalog::option_type(view, code)?;
        Some((option.revision, option_view(&option, &catalog::option_values(view, code))))
    });
    let (revision, view) = found.ok_or_else(|| Problem::not_found("option"))?;
    Ok(tagged(revision, Json(view)))
}

async fn list_options(call: Call) -> Json<OptionList> {
    let all = call.read(GroupKind::Catalogue, |view| {
        let options = catalog::option_types(view).into_iter();
        let view =
            |option: OptionType| option_view(&option, &catalog::option_values(view, &option.details.code));
        options.map(view).collect()
    });
    Json(OptionList::whole(all))
}

async fn put_option(
    call: Call,
    Path(code): Path<String>,
    Json(body): Json<OptionBody>,
) -> Result<Response, Problem> {
    let code = path_code(&code)?;
    let before = call.read(GroupKind::Catalogue, |view| catalog::option_type(view, &code));
    let mut faults = Faults::new();
    let name = body.name.parse("/name", &own_locale(&call)?, &mut faults);
    faults.check()?;
    let expected = replaces(&call, before.map_or(0, |before| before.revision))?;
    call.submit(Command::PutOptionType { expected, details: OptionTypeDetails { code: code.clone(), name } })
        .await?;
    show_option(&call, &code)
}

async fn put_option_value(
    call: Call,
    Path((option, value)): Path<(String, String)>,
    Json(body): Json<OptionValueBody>,
) -> Result<Response, Problem> {
    let (option, value) = (path_code(&option)?, path_code(&value)?);
    let before = call.read(GroupKind::Catalogue, |view| catalog::option_value(view, &option, &value));
    let mut faults = Faults::new();
    let label = body.label.parse("/label", &own_locale(&call)?, &mut faults);
    let swatch = faults.optional("/swatch", text(&body.swatch), Colour::parse);
    faults.check()?;
    let expected = replaces(&call, before.map_or(0, |before| before.revision))?;
    let details =
        OptionValueDetails { option: option.clone(), code: value, label, swatch, position: body.position };
    call.submit(Command::PutOptionValue { expected, details }).await?;
    show_option(&call, &option)
}
